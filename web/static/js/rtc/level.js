/** Below this the meter shows nothing, at 0 dB it is full. */
const FLOOR_DB = -60;
const EVERY_MS = 80;

/**
 * Measures how loud a microphone is and says so about twelve times a second.
 * @param {MediaStreamTrack} track
 * @param {(level: number, db: number) => void} tell  0 to 1, and in decibels
 * @returns {() => void} ends the measuring
 */
export function meter(track, tell) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    // A context made without a touch of the page sleeps until there is one.
    if (context.state === "suspended") void context.resume();
    analyser.getFloatTimeDomainData(samples);
    const db = decibels(samples);
    tell(level(db), db);
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    source.disconnect();
    void context.close();
  };
}

/** @param {Float32Array} samples @returns {number} loudness, 0 at the most, -120 for nothing at all */
export function decibels(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / samples.length + 1e-12);
}

/** @param {number} db @returns {number} 0 to 1 */
const level = (db) => Math.min(Math.max(1 - db / FLOOR_DB, 0), 1);

/** @param {Float32Array} samples @returns {number} 0 to 1 on a scale of decibels */
export const loudness = (samples) => level(decibels(samples));
