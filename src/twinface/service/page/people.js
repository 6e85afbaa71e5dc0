// @ts-check
/** Everybody in the gallery. */
import { get, may, send } from "./api.js";
import { announce, button, fill, h } from "./dom.js";
import { enrolForm } from "./enrol.js";
import { personView } from "./person.js";
import { day, t } from "./texts.js";

const PAGE = 60;

/**
 * @typedef {import("./types.js").Person} Person
 * @typedef {import("./types.js").PeopleList} PeopleList
 */

/** @param {HTMLElement} place @param {string} rest @param {AbortSignal} signal */
export async function peopleView(place, rest, signal) {
  if (/^\d+$/.test(rest)) return personView(place, Number(rest), signal);
  const list = h("ul", { class: "people-list" });
  const count = h("p", { class: "note", id: "people-count" });
  const more = button(t("more"), () => void load());
  /** @type {Person[]} */
  let people = [];
  /** @type {Person[]} */
  let exact = [];
  let next = /** @type {number|null} */ (0);
  let all = 0;
  let searches = 0;
  const search = h("input", { type: "search", id: "people-search", "aria-describedby": "people-count", oninput: () => void searched() });

  async function load() {
    const page = /** @type {PeopleList} */ (await get(`/v1/people?after=${next}&limit=${PAGE}`, signal));
    people.push(...page.people);
    next = page.next;
    all = page.count;
    show();
  }

  /** Looks through the people who are here; one of the others has to be named in full. */
  async function searched() {
    const number = ++searches;
    exact = [];
    show();
    await new Promise((done) => setTimeout(done, 250));
    const name = search.value.trim();
    if (number !== searches || signal.aborted) return;
    if (name && next !== null) {
      const page = /** @type {PeopleList} */ (await send("POST", "/v1/people/find", { name }, signal));
      if (number !== searches) return;
      exact = page.people;
      show();
    }
    announce(count.textContent ?? "");
  }

  function show() {
    const wanted = search.value.trim().toLocaleLowerCase();
    const found = people.filter((person) => person.name.toLocaleLowerCase().includes(wanted));
    found.push(...exact.filter((person) => !found.some((other) => other.id === person.id)));
    fill(list, ...found.map(card));
    more.hidden = next === null;
    count.textContent = wanted ? t("people_found", { count: found.length }) + (next === null ? "" : ` ${t("people_search_more")}`)
      : all ? t("people_count", { count: all }) : t("people_none");
  }

  const enrol = enrolForm(signal, null, () => void again());
  async function again() {
    people = [];
    next = 0;
    await load();
  }
  const panel = h("details", { class: "enrol" }, h("summary", {}, t("person_add")), enrol.element);
  panel.addEventListener("toggle", () => panel.open && enrol.focus());
  fill(place, h("p", { class: "headline" }, t("people_lead")), may("enrol") ? panel : h("p", { class: "note" }, t("may_not_enrol")),
    h("div", { class: "field search" }, h("label", { for: "people-search" }, t("people_search")), search),
    count, list, h("div", { class: "row" }, more));
  await load();
}

/** @param {Person} person */
function card(person) {
  const initials = person.name.split(/\s+/).map((word) => Array.from(word)[0] ?? "").slice(0, 2).join("").toLocaleUpperCase();
  return h("li", {}, h("a", { href: `/#people/${person.id}` }, h("span", { class: "initials", "aria-hidden": "true" }, initials),
    h("span", {}, h("strong", {}, person.name), h("small", {}, `${t("faces_count", { count: person.faces })} · ${day(person.created)}`))));
}
