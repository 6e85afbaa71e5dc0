// @ts-check
/** Starts the page: texts, the key, and one view for each address after "#". */
import { ServiceError, hasKey, keepKey, loadAccess, may } from "./api.js";
import { alarm, button, fill, h } from "./dom.js";
import { loadTexts, t } from "./texts.js";
import { compareView } from "./compare.js";
import { identifyView } from "./identify.js";
import { jobsView } from "./jobs.js";
import { modelView } from "./model.js";
import { peopleView } from "./people.js";

/** @typedef {(place: HTMLElement, rest: string, signal: AbortSignal) => void|Promise<void>} View */

/** @type {Record<string, View>} */
const views = { compare: compareView, people: peopleView, identify: identifyView, jobs: jobsView, model: modelView };
const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const viewPlace = /** @type {HTMLElement} */ (document.getElementById("view"));
const keyPlace = /** @type {HTMLElement} */ (document.getElementById("key"));
let current = new AbortController();

/** Shows an error of anything that the page does. @param {unknown} error */
function complain(error) {
  if (isAbort(error)) return;
  alarm(error instanceof ServiceError || error instanceof Error ? error.message : String(error), t("close"));
}

/** Whether something was given up on purpose. @param {unknown} error */
function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Shows the view of the address. @param {boolean} [first] whether the page has just been opened */
async function route(first = false) {
  const [name, ...rest] = location.hash.slice(1).split("/");
  const known = Object.hasOwn(views, name) ? name : "compare";
  current.abort();
  current = new AbortController();
  for (const link of document.querySelectorAll("#tabs a")) {
    if (link.getAttribute("href") === `/#${known}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const heading = h("h1", { tabindex: "-1" }, t(known));
  const place = h("div", { class: `view ${known}` });
  fill(viewPlace, heading, place);
  document.title = `${t(known)} – Twinface`;
  if (!first) {
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  if (!may("read")) return; // the field for a key is all there is
  await views[known](place, rest.join("/"), current.signal);
}

/** Puts the field for the key where one is needed, or where the service does not say: the key may be the reason. */
async function showKey() {
  const access = await loadAccess().catch((error) => {
    complain(error);
    return { needs_key: true, scopes: [] };
  });
  keyPlace.hidden = !access.needs_key;
  if (!access.needs_key) return;
  if (access.scopes.length) {
    const forget = button(t("key_forget"), () => void changeKey(""));
    return fill(keyPlace, h("p", {}, t("key_may", { scopes: access.scopes.join(", ") })), forget);
  }
  const field = h("input", { type: "password", id: "key-field", autocomplete: "current-password", spellcheck: "false", required: true });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void changeKey(field.value.trim());
  };
  fill(keyPlace, h("form", { class: "row", onsubmit: submit },
    h("label", { for: "key-field" }, hasKey() ? t("key_wrong") : t("key_needed")), field,
    h("button", { class: "primary" }, t("key_use"))));
}

/** @param {string} key */
async function changeKey(key) {
  if (!/^[!-~]*$/.test(key)) return alarm(t("key_unreadable"), t("close")); // it cannot be a header, and no call would go out
  alarm("");
  keepKey(key);
  await showKey();
  await route();
}

async function start() {
  await loadTexts();
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.getAttribute("data-text") ?? "");
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.getAttribute("data-label") ?? ""));
  document.getElementById("skip")?.addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
  addEventListener("unhandledrejection", (event) => {
    complain(event.reason);
    if (isAbort(event.reason)) event.preventDefault();
  });
  addEventListener("hashchange", () => {
    alarm("");
    void route();
  });
  document.addEventListener("key-needed", () => void showKey());
  await showKey();
  await route(true);
}

await start().catch(complain); // an error of a module itself is no "unhandledrejection"
