import { html, useEffect, useRef } from "./html.js";

/** A picture that differs no more than this from its frame's shape is cropped rather than edged with bars. */
const NEAR = 1.15;

/** @param {HTMLVideoElement} video */
function fit(video) {
  const [picture, frame] = [video.videoWidth / video.videoHeight, video.clientWidth / video.clientHeight];
  video.classList.toggle("near", Math.max(picture / frame, frame / picture) < NEAR);
}

/** After which the picture of a video may have come or gone. */
const CHANGES = ["loadeddata", "playing", "emptied"];

/** @param {HTMLVideoElement} video  shows what stands behind it while it has no picture */
const veil = (video) => video.classList.toggle("blank", video.readyState < video.HAVE_CURRENT_DATA);

/**
 * Shows a track, from its first packet on.
 * @param {HTMLVideoElement} video @param {MediaStreamTrack | null} track @returns {() => void} ends the following
 */
function follow(video, track) {
  const play = () => void video.play().catch(() => {}); // muted: refused only while it is being taken away
  video.srcObject = track && new MediaStream([track]);
  if (track) play();
  // A track is muted until its first packet. The browser may have stopped the picture before that.
  track?.addEventListener("unmute", play);
  return () => track?.removeEventListener("unmute", play);
}

/**
 * Picture without sound: the sound has an element of its own, so that one
 * blocked sound never blacks the picture.
 * @param {{track: MediaStreamTrack | null, mirrored?: boolean, label: string, of?: string, slot?: "cam" | "screen"}} props
 *   of, slot: whose picture and which, where its sender should know how large it is shown
 */
export function Video({ track, mirrored = false, label, of, slot }) {
  const ref = useRef(/** @type {HTMLVideoElement | null} */ (null));
  useEffect(() => {
    if (ref.current) return follow(ref.current, track);
  }, [track]);
  useEffect(() => {
    const video = ref.current;
    if (!video) return;
    const observer = new ResizeObserver(() => fit(video));
    observer.observe(video);
    video.onresize = () => fit(video);
    const changed = () => veil(video);
    for (const name of CHANGES) video.addEventListener(name, changed);
    veil(video);
    return () => {
      observer.disconnect();
      video.srcObject = null;
    };
  }, []);
  return html`<video ref=${ref} class=${mirrored ? "mirrored" : ""} muted autoplay playsinline
    data-of=${of} data-slot=${slot} aria-label=${label}></video>`;
}

/**
 * Sound of another person.
 * @param {{track: MediaStreamTrack | null, speaker: string, volume?: number, muted?: boolean, onBlocked: () => void}} props
 *   volume: 0 to 1; muted: by this person, for itself
 */
export function Sound({ track, speaker, volume = 1, muted = false, onBlocked }) {
  const ref = useRef(/** @type {HTMLAudioElement | null} */ (null));
  useEffect(() => {
    const audio = ref.current;
    if (!audio) return;
    audio.srcObject = track ? new MediaStream([track]) : null;
    if (!track) return;
    audio.play().catch((error) => {
      if (error.name === "NotAllowedError") onBlocked();
    });
  }, [track]);
  useEffect(() => void setSpeaker(ref.current, speaker), [speaker]);
  useEffect(() => {
    if (ref.current) Object.assign(ref.current, { volume, muted });
  }, [volume, muted]);
  return html`<audio ref=${ref} autoplay></audio>`;
}

/** Whether sound can be sent to a speaker of the person's choice. */
export const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;

/** @param {HTMLMediaElement | null} element @param {string} id */
export async function setSpeaker(element, id) {
  // A speaker that has gone leaves the default, which is what the person hears already.
  await element?.setSinkId?.(id).catch(() => {});
}
