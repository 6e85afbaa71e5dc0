// @ts-check
/** Adds photos of a person, a new one or a known one, and says what became of each photo. */
import { ServiceError, form, freshKey, send } from "./api.js";
import { announce, fill, h } from "./dom.js";
import { createPhotoList } from "./photo_list.js";
import { percent, t } from "./texts.js";

/**
 * @typedef {import("./types.js").Enrolment} Enrolment
 * @typedef {import("./types.js").LookAlike} LookAlike
 */

/**
 * A form for photos; for a new person with a name.
 * @param {AbortSignal} signal
 * @param {number|null} person that the photos are added to, or null for a new one
 * @param {(enrolment: Enrolment) => void} done
 */
export function enrolForm(signal, person, done) {
  let key = freshKey(); // the same until the form changes: a second try after a lost answer enrols nothing twice
  const name = h("input", { id: "enrol-name", required: true, maxlength: "200", autocomplete: "off", oninput: () => (key = freshKey()) });
  const levels = h("select", { id: "enrol-review", onchange: () => (key = freshKey()) },
    ...["standard", "strict", "off"].map((level) => h("option", { value: level }, t(`review_${level}`))));
  const submit = h("button", { class: "primary", disabled: true }, t(person === null ? "enrol" : "photos_add"));
  const outcome = h("div", { class: "outcome" });
  const photos = createPhotoList(signal, () => {
    key = freshKey();
    submit.disabled = photos.files().length === 0;
  });

  /** @param {Event} event */
  async function submitted(event) {
    event.preventDefault();
    submit.disabled = true;
    fill(outcome, h("p", { class: "busy" }, t("enrolling")));
    const fields = { photos: photos.files(), review: levels.value, ...(person === null ? { name: name.value.trim() } : {}) };
    const path = person === null ? "/v1/people" : `/v1/people/${person}/photos`;
    try {
      const enrolment = /** @type {Enrolment} */ (await send("POST", path, form(fields), signal, { "Idempotency-Key": key }));
      fill(outcome, enrolmentReport(enrolment));
      photos.clear();
      name.value = "";
      announce(summary(enrolment));
      done(enrolment);
    } catch (error) {
      submit.disabled = false;
      fill(outcome);
      if (!(error instanceof ServiceError) || !error.details?.photos) throw error;
      fill(outcome, h("p", { class: "bad" }, error.message), photoReport(error.details.photos));
      announce(error.message);
    }
  }

  const element = h("form", { class: "card", onsubmit: submitted },
    person === null && h("div", { class: "field" }, h("label", { for: "enrol-name" }, t("name")), name),
    photos.element,
    h("div", { class: "field" }, h("label", { for: "enrol-review" }, t("review")), levels),
    h("div", { class: "row" }, submit), outcome);
  return { element, focus: () => (person === null ? name : element.querySelector("input"))?.focus() };
}

/** @param {Enrolment} enrolment */
function summary(enrolment) {
  const count = enrolment.photos.filter((photo) => photo.accepted).length;
  return t("enrolled", { count, name: enrolment.name, of: enrolment.photos.length });
}

/** @param {Enrolment} enrolment */
export function enrolmentReport(enrolment) {
  return h("div", {}, h("p", { class: "good-news" }, summary(enrolment), " ",
    enrolment.id !== null && h("a", { href: `/#people/${enrolment.id}` }, t("person_show", { name: enrolment.name }))),
  photoReport(enrolment.photos),
  enrolment.look_alikes.length > 0 && h("h3", {}, t("look_alikes")), lookAlikes(enrolment.look_alikes),
  ...enrolment.notes.map((note) => h("p", { class: "note" }, note)));
}

/** @param {import("./types.js").PhotoResult[]} photos */
function photoReport(photos) {
  return h("ul", { class: "report" }, ...photos.map((photo) => h("li", { class: photo.accepted ? "taken" : "refused" },
    h("strong", {}, photo.photo), ` ${t(photo.accepted ? "photo_taken" : "photo_refused")}`,
    photo.reasons.length > 0 && h("span", { class: "note" }, ` ${photo.reasons.join("; ")}`))));
}

/** @param {LookAlike[]} found */
export function lookAlikes(found) {
  if (!found.length) return null;
  return h("ul", { class: "report" }, ...found.map((other) => h("li", {}, h("strong", {}, other.name), " ",
    other.same_person ? t("look_alike_same") : other.rate === null ? "" : t("look_alike_rate", { rate: percent(other.rate) }))));
}
