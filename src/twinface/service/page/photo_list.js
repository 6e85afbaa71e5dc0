// @ts-check
/** A place for several photos of one person. */
import { takePhoto } from "./camera.js";
import { button, fill, h } from "./dom.js";
import { chooser, takeDrops, takePastes } from "./slot.js";
import { lightened } from "./photo.js";
import { t } from "./texts.js";

/**
 * @param {AbortSignal} signal of the view
 * @param {() => void} changed
 */
export function createPhotoList(signal, changed) {
  /** @type {{file: File, address: string}[]} */
  let photos = [];
  const list = h("ul", { class: "thumbs", "aria-label": t("photos_chosen") });
  const element = h("div", { class: "drop several" }, h("p", {}, t("photos_drop")),
    h("div", { class: "row" }, chooser(t("photos_choose"), add, { multiple: true }), button(t("camera_open"), async () => {
      const photo = await takePhoto(signal);
      if (photo) await add([photo]);
    })), list);

  /** @param {File[]} files */
  async function add(files) {
    const light = await Promise.all(files.map(lightened));
    photos.push(...light.map((file) => ({ file, address: URL.createObjectURL(file) })));
    show();
  }

  function show() {
    fill(list, ...photos.map((photo) => h("li", {}, h("img", { src: photo.address, alt: photo.file.name }),
      h("button", { type: "button", class: "remove", "aria-label": t("photo_remove_name", { name: photo.file.name }), onclick: () => {
        URL.revokeObjectURL(photo.address);
        photos = photos.filter((other) => other !== photo);
        show();
        element.querySelector("input")?.focus();
      } }, "×"))));
    list.hidden = photos.length === 0;
    changed();
  }

  function clear() {
    photos.forEach((photo) => URL.revokeObjectURL(photo.address));
    photos = [];
    show();
  }

  takeDrops(element, (files) => void add(files));
  takePastes(signal, (files) => void (element.offsetParent && add(files))); // not while it is folded away
  signal.addEventListener("abort", () => photos.forEach((photo) => URL.revokeObjectURL(photo.address)));
  list.hidden = true;
  return { element, clear, files: () => photos.map((photo) => photo.file) };
}
