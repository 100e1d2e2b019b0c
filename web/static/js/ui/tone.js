/** A short pleasant chord, made here so that nothing has to be fetched. */
const RATE = 22_050;
const SECONDS = 0.9;
const NOTES = [523.25, 659.25, 783.99];

/** @returns {string} a blob: address of a WAV file */
export function toneUrl() {
  const samples = Math.round(RATE * SECONDS);
  const view = new DataView(new ArrayBuffer(44 + samples * 2));
  header(view, samples);
  for (let i = 0; i < samples; i++) {
    const at = i / RATE;
    const fade = Math.min(at / 0.02, 1) * Math.exp(-4 * at);
    const sum = NOTES.reduce((all, note) => all + Math.sin(2 * Math.PI * note * at), 0);
    view.setInt16(44 + i * 2, (sum / NOTES.length) * fade * 0.5 * 32767, true);
  }
  return URL.createObjectURL(new Blob([view], { type: "audio/wav" }));
}

/** The 44 bytes before 16-bit mono samples. @param {DataView} view @param {number} samples */
function header(view, samples) {
  const text = (/** @type {number} */ at, /** @type {string} */ word) => [...word].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + samples * 2, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, samples * 2, true);
}
