// @ts-check
/** Makes elements. Text that comes from outside only ever becomes a text node. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node|string|null|undefined|false} Child */

/**
 * An element with attributes and children. "on…" attributes are listeners; false and null leave an attribute away.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...kept(children));
  return element;
}

/** @param {Child[]} children */
function kept(children) {
  return /** @type {(Node|string)[]} */ (children.filter((child) => child || child === ""));
}

/** @param {Element} place @param {...Child} children */
export function fill(place, ...children) {
  place.replaceChildren(...kept(children));
}

/** An outline of a face, for places where a photo will be. */
export function outline() {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 64 64");
  drawing.setAttribute("class", "outline");
  drawing.setAttribute("aria-hidden", "true");
  for (const line of ["M32 8c-11 0-17 8-17 19s7 22 17 22 17-11 17-22S43 8 32 8Z", "M25 27v1M39 27v1M27 38c3 3 7 3 10 0"]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    drawing.append(path);
  }
  return drawing;
}

/**
 * The drawing that our own service made, as an element.
 * @param {string} source
 */
export function drawing(source) {
  const found = new DOMParser().parseFromString(source, "text/html").querySelector("svg");
  return found && document.importNode(found, true);
}

/**
 * @param {string} label
 * @param {() => void} onclick
 * @param {string} [kind] "primary", "danger" or "plain"
 */
export function button(label, onclick, kind = "plain") {
  return h("button", { type: "button", class: kind, onclick }, label);
}

/** Names and values, each pair in a box. @param {[string, string][]} values */
export function tiles(values) {
  return h("dl", { class: "tiles" }, ...values.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/**
 * A table whose first column are headings of rows.
 * @param {string} caption
 * @param {string[]} head
 * @param {Child[][]} rows
 */
export function table(caption, head, rows) {
  const cells = (/** @type {Child[]} */ row) =>
    row.map((cell, place) => (place ? h("td", {}, cell) : h("th", { scope: "row" }, cell)));
  return h("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    h("table", {}, h("caption", {}, caption),
      h("thead", {}, h("tr", {}, ...head.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...cells(row))))));
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Says something to those who listen to the page. @param {string} text */
export function announce(text) {
  const place = byId("status");
  place.textContent = "";
  setTimeout(() => (place.textContent = text), 50); // a change is what screen readers notice
}

/** Shows an error until it is closed or the next one comes; "" takes it away. @param {string} text @param {string} [close] */
export function alarm(text, close = "×") {
  const place = byId("alert");
  if (!text) return fill(place);
  fill(place, h("p", {}, text), h("button", { type: "button", class: "plain", "aria-label": close, onclick: () => fill(place) }, "×"));
}
