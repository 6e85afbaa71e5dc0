// @ts-check
/** Identified faces: boxes with names, a card for each face, and what a user knows better. */
import { form, freshKey, may, send } from "./api.js";
import { announce, button, h } from "./dom.js";
import { askName } from "./dialogs.js";
import { enrolmentReport } from "./enrol.js";
import { chance } from "./job_results.js";
import { personNamed } from "./person.js";
import { qualityLine } from "./quality.js";
import { percent, t } from "./texts.js";

const LEAST = 0.001; // probability of a candidate that is shown

/**
 * @typedef {import("./types.js").Identification} Identification
 * @typedef {import("./types.js").IdentifiedFace} IdentifiedFace
 */

/** @param {Identification} found @returns {import("./shot.js").Mark[]} */
export function marksOf(found) {
  return found.faces.map(({ face, name }) => ({
    box: face.box,
    label: name ?? (found.faces.length > 1 ? String(face.number) : ""),
    title: t("face_is", { number: face.number, name: name ?? t("nobody") }),
    kind: name === null ? "" : "chosen",
    onclick: () => focusOn(face.number),
  }));
}

/** @param {number} number of a face, whose card gets the focus */
function focusOn(number) {
  document.getElementById(`face-${number}`)?.focus();
}

/** @param {Identification} found */
export function namesOf(found) {
  return found.faces.map(({ name, face }) => t("face_is", { number: face.number, name: name ?? t("nobody") })).join(". ");
}

/**
 * @param {Identification} found
 * @param {File} photo
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} again identifies once more
 */
export function faceCards(found, photo, signal, again) {
  return found.faces.map((face) => faceCard(found, face, photo, signal, again));
}

/**
 * @param {Identification} found
 * @param {IdentifiedFace} one
 * @param {File} photo
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} again
 */
function faceCard(found, one, photo, signal, again) {
  const { face, name } = one;

  /** @param {"confirm"|"reject"} what @param {number} id @param {string} said */
  async function correct(what, id, said) {
    await send("POST", `/v1/people/${id}/${what}`, form({ photo, face: face.number }), signal);
    announce(said);
    await again();
    focusOn(face.number);
  }

  async function somebodyElse() {
    const names = one.candidates.map((candidate) => candidate.name);
    const who = await askName(t("who_title"), t("name"), t("save"), { names, text: t("who_text") });
    if (!who) return;
    const person = await personNamed(who, signal);
    if (person) return correct("confirm", person.id, t("confirmed", { name: person.name }));
    const enrolment = await send("POST", "/v1/people", form({ name: who, photos: [photo], face: face.number, review: "off" }), signal, { "Idempotency-Key": freshKey() });
    await again();
    focusOn(face.number);
    document.querySelector(".result")?.prepend(enrolmentReport(enrolment));
  }

  // Those who are almost certainly not meant would only fill the page; "somebody else" reaches them too.
  const likely = one.candidates.filter((candidate) => candidate.name === name || candidate.probability >= LEAST || candidate.rejected);
  const id = `face-${face.number}`;
  return h("article", { class: `card person-card ${name === null ? "" : "known"}`, id, tabindex: "-1", "aria-labelledby": `${id}-name` },
    h("div", { class: "card-head" }, face.aligned && h("img", { src: face.aligned, alt: "" }),
      h("div", {}, h("p", { class: "kind" }, t("face_number", { number: face.number })),
        h("h2", { id: `${id}-name` }, name ?? t("nobody")), h("p", { class: "note" }, t("probability_of", { share: percent(chance(one)) })))),
    likely.length > 0 && h("ul", { class: "candidates" }, ...likely.map((candidate) => candidateRow(candidate, correct))),
    ...one.notes.map((note) => h("p", { class: "note" }, note)),
    qualityLine(face.quality),
    may("enrol") && h("div", { class: "row" }, button(t(name === null ? "somebody_known" : "somebody_else"), () => void somebodyElse())));
}

/**
 * @param {import("./types.js").Candidate} candidate
 * @param {(what: "confirm"|"reject", id: number, said: string) => Promise<void>} correct
 */
function candidateRow(candidate, correct) {
  const { name, id, probability } = candidate;
  const yes = button(t("is_yes"), () => void correct("confirm", id, t("confirmed", { name })));
  const no = button(t("is_no"), () => void correct("reject", id, t("rejected", { name })));
  yes.setAttribute("aria-label", t("this_is", { name }));
  no.setAttribute("aria-label", t("this_is_not", { name }));
  return h("li", {}, h("a", { href: `/#people/${id}` }, name),
    h("meter", { min: "0", max: "1", value: probability, "aria-label": t("probability_for", { name }) }, percent(probability)),
    h("span", { class: "share" }, percent(probability)),
    may("enrol") && h("span", { class: "answers" }, candidate.rejected ? h("small", {}, t("was_rejected")) : no, yes));
}
