// @ts-check
/** Questions in a dialog; the browser keeps the focus inside and gives it back. */
import { button, h } from "./dom.js";
import { t } from "./texts.js";

let made = 0;
const page = /** @type {HTMLElement} */ (document.getElementById("main"));

/**
 * @param {string} title
 * @param {string} text
 * @param {string} action what the button says
 * @param {"primary"|"danger"} [kind]
 * @returns {Promise<boolean>}
 */
export async function confirmed(title, text, action, kind = "danger") {
  return (await asked(title, [h("p", {}, text)], action, kind)) !== null;
}

/**
 * @param {string} title
 * @param {string} label of the field
 * @param {string} action what the button says
 * @param {{value?: string, names?: string[], text?: string}} [more] names: that are offered
 * @returns {Promise<string|null>}
 */
export async function askName(title, label, action, { value = "", names = [], text = "" } = {}) {
  const id = `name-${++made}`;
  const list = h("datalist", { id: `${id}-known` }, ...names.map((name) => h("option", { value: name })));
  const field = h("input", { id, name: "answer", value, required: true, maxlength: "200", autocomplete: "off", list: names.length ? `${id}-known` : null });
  return asked(title, [text && h("p", {}, text), h("label", { for: id }, label), field, list], action, "primary");
}

/**
 * @param {string} title
 * @param {import("./dom.js").Child[]} content
 * @param {string} action
 * @param {string} kind
 * @returns {Promise<string|null>}
 */
function asked(title, content, action, kind) {
  const id = `dialog-${++made}`;
  const dialog = h("dialog", { "aria-labelledby": id });
  const form = h("form", { method: "dialog" }, h("h2", { id }, title), ...content,
    h("div", { class: "row end" }, button(t("cancel"), () => dialog.close()), h("button", { class: kind, value: "yes" }, action)));
  dialog.append(form);
  page.append(dialog);
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      const said = new FormData(form).get("answer");
      dialog.remove();
      done(dialog.returnValue === "yes" ? String(said ?? "").trim() : null);
    });
  });
}
