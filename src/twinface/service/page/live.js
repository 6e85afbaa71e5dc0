// @ts-check
/** The camera, looked at once a second: boxes and names over the picture. */
import { ServiceError, form, send } from "./api.js";
import { cameraVideo, openCamera } from "./camera.js";
import { announce, button, fill, h } from "./dom.js";
import { marksOf, namesOf } from "./identified.js";
import { redrawn } from "./photo.js";
import { createShot } from "./shot.js";
import { t } from "./texts.js";

const EVERY = 1000; // milliseconds
const LONG_SIDE = 960; // of a frame, in pixels

/**
 * Runs until the signal ends it.
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 * @param {() => string} fpir
 * @param {(photo: File) => void} keep takes the present picture as a photo
 */
export async function startLive(place, signal, fpir, keep) {
  const video = cameraVideo();
  const shot = createShot(video);
  const words = h("p", { class: "note" }, t("live_waiting"));
  fill(place, shot.element, words, h("div", { class: "row" },
    button(t("live_keep"), async () => keep(await redrawn(video, 1, "camera", 0.95)), "primary")));
  await openCamera(video, signal);
  let said = "";
  while (!signal.aborted) {
    const began = performance.now();
    if (!document.hidden) {
      const scale = Math.min(1, LONG_SIDE / Math.max(video.videoWidth, video.videoHeight));
      const photo = await redrawn(video, scale, "frame", 0.85);
      /** @type {import("./types.js").Identification} */
      const found = await send("POST", "/v1/identify", form({ photo, fpir: fpir() }), signal).catch((error) => {
        if (error instanceof ServiceError && [422, 429, 503].includes(error.status)) return { faces: [], width: 1, height: 1 };
        throw error;
      });
      shot.draw(found.width, found.height, marksOf(found).map((mark) => ({ ...mark, onclick: undefined })));
      const now = found.faces.length ? namesOf(found) : t("faces_found", { count: 0 });
      words.textContent = now;
      if (now !== said) announce(now); // a screen reader hears changes only
      said = now;
    }
    await new Promise((done) => setTimeout(done, Math.max(100, EVERY - (performance.now() - began))));
  }
}
