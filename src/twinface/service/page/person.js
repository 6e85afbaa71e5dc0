// @ts-check
/** One person of the gallery: faces, look-alikes, and everything that can be changed. */
import { get, may, picture, send } from "./api.js";
import { announce, button, fill, h } from "./dom.js";
import { askName, confirmed } from "./dialogs.js";
import { enrolForm, lookAlikes } from "./enrol.js";
import { day, t } from "./texts.js";

/**
 * @typedef {import("./types.js").PersonDetails} PersonDetails
 * @typedef {import("./types.js").PeopleList} PeopleList
 */

/** @param {HTMLElement} place @param {number} id @param {AbortSignal} signal */
export async function personView(place, id, signal) {
  const details = /** @type {PersonDetails} */ (await get(`/v1/people/${id}`, signal));
  const { person } = details;
  const again = async () => {
    await personView(place, id, signal);
    place.querySelector("h2")?.focus();
  };

  async function rename() {
    const name = await askName(t("rename_title", { name: person.name }), t("name_new"), t("rename"), { value: person.name });
    if (!name || name === person.name) return;
    await send("PATCH", `/v1/people/${id}`, { name }, signal);
    await again();
    announce(t("renamed", { name }));
  }

  async function merge() {
    const known = /** @type {PeopleList} */ (await get("/v1/people?after=0&limit=500", signal));
    const names = known.people.filter((other) => other.id !== id).map((other) => other.name);
    const text = t("merge_text", { name: person.name });
    const name = await askName(t("merge_title", { name: person.name }), t("merge_other"), t("merge"), { names, text });
    if (!name) return;
    const other = await personNamed(name, signal);
    if (!other || other.id === id) throw new Error(t("person_unknown", { name }));
    await send("POST", `/v1/people/${id}/merge`, { other: other.id }, signal);
    await again();
    announce(t("merged", { name: person.name, other: other.name }));
  }

  async function forget() {
    const sure = await confirmed(t("forget_title", { name: person.name }), t("forget_text", { name: person.name }), t("forget"));
    if (!sure) return;
    await send("DELETE", `/v1/people/${id}`, undefined, signal);
    announce(t("forgotten", { name: person.name }));
    location.hash = "#people";
  }

  const add = enrolForm(signal, id, () => void showFaces());
  const panel = h("details", { class: "enrol" }, h("summary", {}, t("photos_add")), add.element);
  const faces = h("ul", { class: "face-list" });
  const count = h("p", { class: "note" });

  /** @param {PersonDetails} [known] */
  async function showFaces(known) {
    const found = known ?? /** @type {PersonDetails} */ (await get(`/v1/people/${id}`, signal));
    count.textContent = t("person_facts", { count: found.faces.length, day: day(person.created) }) + corrections(found);
    fill(faces, ...found.faces.map((face) => faceCard(id, face, signal)));
  }

  fill(place, h("p", {}, h("a", { href: "/#people" }, `← ${t("people_all")}`)),
    h("h2", { class: "person-name", tabindex: "-1" }, person.name), count,
    may("enrol") && h("div", { class: "row" }, button(t("rename"), () => void rename()), button(t("merge"), () => void merge()),
      button(t("forget"), () => void forget(), "danger")),
    may("enrol") && panel,
    h("h2", {}, t("faces")), details.faces.length ? "" : h("p", { class: "note" }, t("faces_none")), faces,
    h("h2", {}, t("look_alikes")), lookAlikes(details.look_alikes) ?? h("p", { class: "note" }, t("look_alikes_none")));
  await showFaces(details);
}

/** @param {PersonDetails} details */
function corrections({ confirmed: yes, rejected: no }) {
  return yes || no ? ` · ${t("corrections", { yes, no })}` : "";
}

/** @param {number} id @param {import("./types.js").EnrolledFace} face @param {AbortSignal} signal */
function faceCard(id, face, signal) {
  const cut = h("div", { class: "crop" });
  if (face.has_crop)
    picture(`/v1/people/${id}/faces/${face.id}/crop`, signal).then(
      (address) => fill(cut, h("img", { src: address, alt: t("face_picture") })),
      () => fill(cut, h("span", { class: "note" }, t("crop_none"))),
    );
  else fill(cut, h("span", { class: "note" }, t("crop_none")));
  return h("li", {}, cut, h("small", {}, t("face_facts", { value: face.quality })), h("small", {}, day(face.created)));
}

/** The person with exactly this name, or undefined. @param {string} name @param {AbortSignal} signal */
export async function personNamed(name, signal) {
  const found = /** @type {PeopleList} */ (await send("POST", "/v1/people/find", { name }, signal));
  return found.people[0];
}
