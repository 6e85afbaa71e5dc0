// @ts-check
/** A photo or a video with the boxes of its faces on it. */
import { fill, h } from "./dom.js";

/**
 * @typedef {{box: number[]|null, label: string, title: string, kind?: string, onclick?: () => void}} Mark
 * label: drawn at the box; title: for those who listen; kind: a class of the box.
 */

/**
 * @param {HTMLImageElement|HTMLVideoElement} picture
 */
export function createShot(picture) {
  const layer = h("div", { class: "marks" });
  const element = h("div", { class: "shot" }, picture, layer);

  /**
   * Draws boxes in the place of those before.
   * @param {number} width of the photo that the boxes were found in, in pixels
   * @param {number} height
   * @param {Mark[]} marks
   */
  function draw(width, height, marks) {
    const held = layer.contains(document.activeElement);
    fill(layer, ...marks.flatMap((mark) => (mark.box ? [drawn(mark, mark.box, width, height)] : [])));
    if (held) /** @type {HTMLElement|null} */ (layer.querySelector(".chosen"))?.focus();
  }
  return { element, draw };
}

/**
 * @param {Mark} mark
 * @param {number[]} box
 * @param {number} width
 * @param {number} height
 */
function drawn(mark, [left, top, across, down], width, height) {
  const kind = `mark ${mark.kind ?? ""}`;
  const label = mark.label && h("span", {}, mark.label);
  const element = mark.onclick
    ? h("button", { type: "button", class: kind, "aria-label": mark.title, onclick: mark.onclick }, label)
    : h("div", { class: kind, title: mark.title }, label);
  const share = (/** @type {number} */ value) => `${(100 * value).toFixed(2)}%`;
  element.style.left = share(left / width);
  element.style.top = share(top / height);
  element.style.width = share(across / width);
  element.style.height = share(down / height);
  if (top < height / 8) element.classList.add("low"); // the label goes below, or it would leave the photo
  if (left > width / 2) element.classList.add("right");
  return element;
}
