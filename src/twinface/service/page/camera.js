// @ts-check
/** The camera: opened on request, closed as soon as it is not needed. */
import { alarm, button, h } from "./dom.js";
import { redrawn } from "./photo.js";
import { t } from "./texts.js";

/**
 * Shows the camera in a video element until the signal ends it.
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} signal
 * @param {"user"|"environment"} facing
 */
export async function openCamera(video, signal, facing = "user") {
  if (!navigator.mediaDevices) throw new Error(t("camera_insecure"));
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: facing, width: { ideal: 1280 } } });
  } catch (error) {
    const refused = error instanceof DOMException && error.name === "NotAllowedError";
    throw new Error(refused ? t("camera_refused") : t("camera_missing"));
  }
  const stop = () => {
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  };
  if (signal.aborted) return stop();
  signal.addEventListener("abort", stop);
  video.srcObject = stream;
  await video.play();
}

/** A video element for the camera. */
export function cameraVideo() {
  const video = h("video", { playsinline: true, "aria-label": t("camera_picture") });
  video.muted = true;
  return video;
}

/**
 * Takes one photo in a dialog.
 * @param {AbortSignal} signal of the view: closes the dialog and the camera
 * @returns {Promise<File|null>} null if it was cancelled
 */
export async function takePhoto(signal) {
  const session = new AbortController();
  const video = cameraVideo();
  /** @type {"user"|"environment"} */
  let facing = "user";
  let one = new AbortController();
  const open = () => openCamera(video, AbortSignal.any([session.signal, one.signal]), facing);
  const turn = () => {
    facing = facing === "user" ? "environment" : "user";
    one.abort();
    one = new AbortController();
    open().catch((error) => alarm(error.message, t("close")));
  };
  const dialog = h("dialog", { class: "camera", "aria-labelledby": "camera-title" });
  /** @type {File|null} */
  let photo = null;
  const take = button(t("camera_take"), async () => {
    photo = await redrawn(video, 1, "camera", 0.95);
    dialog.close();
  }, "primary");
  take.disabled = true;
  const turnButton = button(t("camera_other"), turn);
  turnButton.hidden = true;
  dialog.append(h("h2", { id: "camera-title" }, t("camera_title")), video,
    h("div", { class: "row end" }, turnButton, button(t("cancel"), () => dialog.close()), take));
  document.getElementById("main")?.append(dialog);
  dialog.showModal();
  signal.addEventListener("abort", () => dialog.close(), { signal: session.signal });
  const closed = new Promise((done) => dialog.addEventListener("close", done));
  open().then(async () => {
    take.disabled = false;
    take.focus();
    const devices = await navigator.mediaDevices.enumerateDevices();
    turnButton.hidden = devices.filter((device) => device.kind === "videoinput").length < 2;
  }).catch((error) => {
    alarm(error.message, t("close"));
    dialog.close();
  });
  await closed;
  session.abort();
  dialog.remove();
  return photo;
}
