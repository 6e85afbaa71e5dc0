// @ts-check
/** A place for one photo: dropped, pasted, chosen, or taken with the camera. */
import { takePhoto } from "./camera.js";
import { announce, button, fill, h, outline } from "./dom.js";
import { lightened, pictures } from "./photo.js";
import { createShot } from "./shot.js";
import { t } from "./texts.js";

/**
 * @typedef {object} Slot
 * @property {HTMLElement} element
 * @property {File|null} photo
 * @property {(width: number, height: number, marks: import("./shot.js").Mark[]) => void} draw
 * @property {(...lines: import("./dom.js").Child[]) => void} say what is said below the photo
 * @property {(file: File) => Promise<void>} take
 * @property {() => void} clear
 */

/**
 * @param {string} name what the photo is for
 * @param {AbortSignal} signal of the view
 * @param {() => void} changed called after the photo has changed
 * @returns {Slot}
 */
export function createSlot(name, signal, changed) {
  const stage = h("div", { class: "stage" });
  const words = h("div", { class: "words" });
  const element = h("section", { class: "slot", "aria-label": name }, h("h2", {}, name), stage, words);
  let address = "";
  /** @type {ReturnType<typeof createShot>|null} */
  let shot = null;

  /** @type {Slot} */
  const slot = {
    element,
    photo: null,
    draw: (width, height, marks) => shot?.draw(width, height, marks),
    say: (...lines) => fill(words, ...lines),
    take,
    clear,
  };

  /** @param {File} file */
  async function take(file) {
    const photo = await lightened(file);
    const held = element.contains(document.activeElement);
    URL.revokeObjectURL(address);
    address = URL.createObjectURL(photo);
    slot.photo = photo;
    const image = h("img", { src: address, alt: t("photo_alt", { name: file.name }) });
    image.addEventListener("error", () => image.replaceWith(h("p", { class: "unseen-photo" }, t("photo_unseen", { name: file.name }))));
    shot = createShot(image);
    fill(words);
    fill(stage, shot.element, h("div", { class: "row" }, chooser(t("photo_other"), files), button(t("photo_remove"), () => {
      clear();
      changed();
      element.querySelector("input")?.focus();
    })));
    if (held) element.querySelector("input")?.focus();
    changed();
  }

  function clear() {
    URL.revokeObjectURL(address);
    slot.photo = null;
    shot = null;
    fill(words);
    fill(stage, h("div", { class: "drop" }, outline(), h("p", {}, t("photo_drop")),
      h("div", { class: "row" }, chooser(t("photo_choose"), files), button(t("camera_open"), fromCamera))));
  }

  /** @param {File[]} chosen */
  function files(chosen) {
    if (chosen[0]) void take(chosen[0]);
    else announce(t("photo_none"));
  }

  async function fromCamera() {
    const photo = await takePhoto(signal);
    if (photo) await take(photo);
  }

  takeDrops(element, files);
  signal.addEventListener("abort", () => URL.revokeObjectURL(address));
  clear();
  return slot;
}

/**
 * A button that opens the browser's dialog for files.
 * @param {string} label
 * @param {(files: File[]) => void} chosen
 * @param {{multiple?: boolean, folder?: boolean, kind?: string}} [more]
 */
export function chooser(label, chosen, { multiple = false, folder = false, kind = "plain" } = {}) {
  const field = h("input", { type: "file", class: "unseen", accept: folder ? null : "image/*", multiple, webkitdirectory: folder });
  field.addEventListener("change", () => {
    chosen(pictures(field.files));
    field.value = ""; // so that the same file can be chosen again
  });
  return h("label", { class: `button ${kind}` }, field, label);
}

/** @param {HTMLElement} element @param {(files: File[]) => void} dropped */
export function takeDrops(element, dropped) {
  element.addEventListener("dragover", () => element.classList.add("over"));
  for (const name of ["dragleave", "drop"]) element.addEventListener(name, () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => dropped(pictures(event.dataTransfer?.files)));
}

/** Pasted pictures, wherever the focus is. @param {AbortSignal} signal @param {(files: File[]) => void} pasted */
export function takePastes(signal, pasted) {
  document.addEventListener("paste", (event) => {
    const files = pictures(event.clipboardData?.files);
    if (files.length) pasted(files);
  }, { signal });
}
