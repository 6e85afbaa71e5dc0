// @ts-check
/** Two photos: the same person or not? */
import { ServiceError, form, send } from "./api.js";
import { announce, button, drawing, fill, h, tiles } from "./dom.js";
import { qualityLine } from "./quality.js";
import { createSlot, takePastes } from "./slot.js";
import { decimal, percent, t } from "./texts.js";

/**
 * @typedef {import("./slot.js").Slot} Slot
 * @typedef {import("./types.js").Found} Found
 * @typedef {import("./types.js").Verdict} Verdict
 * @typedef {{slot: Slot, found: Found|null, chosen: number|null}} Side chosen: the face that the user picked
 */

/** @param {HTMLElement} place @param {string} _ @param {AbortSignal} signal */
export function compareView(place, _, signal) {
  const result = h("section", { class: "result", "aria-label": t("result") });
  let run = new AbortController();
  /** @type {Side[]} */
  const sides = [t("photo_first"), t("photo_second")].map((name, number) => ({
    slot: createSlot(name, signal, () => void changed(number)),
    found: null,
    chosen: null,
  }));

  /** A photo came or went. @param {number} number */
  async function changed(number) {
    const side = sides[number];
    side.found = side.chosen = null;
    fill(result);
    run.abort();
    run = new AbortController();
    const now = AbortSignal.any([signal, run.signal]);
    if (sides.every((each) => each.slot.photo)) return compare(now);
    if (!side.slot.photo) return;
    await look(side, now);
    sides.forEach((each) => showSide(each));
  }

  /** Compares both photos. @param {AbortSignal} now */
  async function compare(now) {
    fill(result, h("p", { class: "busy" }, t("comparing")));
    try {
      await Promise.all(sides.map((side) => side.found ?? look(side, now)));
      const verdict = /** @type {Verdict} */ (await send("POST", "/v1/verify", request({}), now));
      sides.forEach((side, number) => showSide(side, verdict.photos?.[number]?.compared));
      showVerdict(verdict);
    } catch (error) {
      sides.forEach((side) => showSide(side));
      if (!now.aborted) fill(result);
      if (!(error instanceof ServiceError) || !["face_not_found", "several_faces"].includes(error.code)) throw error;
      fill(result, h("div", { class: "verdict unsure" }, h("div", {}, h("h2", {}, t("cannot_tell")), h("p", {}, error.message))));
      announce(`${t("cannot_tell")}. ${error.message}`);
    }
  }

  /** Both photos as a form, and which of their faces are meant. @param {Record<string, boolean>} more */
  function request(more) {
    const [left, right] = sides.map(({ slot }) => /** @type {File} */ (slot.photo));
    const [one, other] = sides.map(({ chosen }) => chosen ?? "");
    return form({ left, right, left_face: one, right_face: other, show: true, ...more });
  }

  /** @param {Side} side @param {number|null} [compared] number of the face that was compared */
  function showSide(side, compared) {
    const { slot, found } = side;
    if (!found) return;
    const current = side.chosen ?? compared ?? (found.faces.length === 1 ? 1 : null);
    const several = found.faces.length > 1;
    slot.draw(found.width, found.height, found.faces.map((face) => ({
      box: face.box,
      label: several ? String(face.number) : "",
      title: t(face.number === current ? "face_compared" : "face_choose", { number: face.number }),
      kind: face.number === current ? "chosen" : "",
      onclick: several ? () => void choose(side, face.number) : undefined,
    })));
    const face = found.faces.find((each) => each.number === current);
    const count = found.faces.length;
    slot.say(h("p", { class: "note" }, t("faces_found", { count }), several && ` ${t("face_hint")}`), face && qualityLine(face.quality));
  }

  /** @param {Side} side @param {number} number */
  async function choose(side, number) {
    side.chosen = number;
    showSide(side);
    run.abort();
    run = new AbortController();
    if (sides.every((each) => each.slot.photo)) await compare(AbortSignal.any([signal, run.signal]));
  }

  /** @param {Verdict} verdict */
  function showVerdict(verdict) {
    const kind = verdict.same === null ? "unsure" : verdict.same ? "same" : "different";
    const faces = sides.map((side, number) => aligned(side, verdict.photos?.[number]));
    const where = button(t("explain"), () => void explain(), "primary");
    const maps = h("div", { class: "maps" });
    const explain = async () => {
      where.disabled = true;
      where.textContent = t("explaining");
      try {
        const answer = /** @type {Verdict} */ (await send("POST", "/v1/verify", request({ explain: true }), signal));
        where.hidden = true;
        showMaps(maps, answer);
      } finally {
        where.disabled = false;
        where.textContent = t("explain");
      }
    };
    const scale = verdict.scale ? drawing(verdict.scale) : null;
    fill(result,
      h("div", { class: `verdict ${kind}` },
        h("div", { class: "pair-faces" }, ...faces),
        h("div", {}, h("h2", { class: kind }, verdict.title), h("p", {}, verdict.text),
          verdict.rates && h("p", { class: "note" }, strangers(verdict.rates)),
          verdict.score !== null && numbers(verdict))),
      ...verdict.notes.filter((note) => !verdict.text.includes(note)).map((note) => h("p", { class: "note" }, note)),
      scale && h("figure", { class: "chart wide" }, scale, h("figcaption", { class: "legend" },
        h("span", { class: "impostor" }, t("scale_different")), h("span", { class: "genuine" }, t("scale_same")))),
      verdict.score !== null && h("div", { class: "row" }, where), maps);
    announce(`${verdict.title}. ${verdict.text}`);
    result.scrollIntoView({ block: "nearest" });
  }

  takePastes(signal, ([file]) => void (sides.find((side) => !side.slot.photo) ?? sides[1]).slot.take(file));
  fill(place, h("p", { class: "headline" }, t("compare_lead")), h("div", { class: "slots" }, ...sides.map((side) => side.slot.element)), result);
}

/** Finds the faces of a photo. @param {Side} side @param {AbortSignal} now */
async function look(side, now) {
  const photo = /** @type {File} */ (side.slot.photo);
  side.slot.say(h("p", { class: "note busy" }, t("looking")));
  try {
    side.found = await send("POST", "/v1/detect", form({ photo, show: true }), now);
  } finally {
    if (!now.aborted) side.slot.say();
  }
}

/** @param {Side} side @param {Found|undefined} answered */
function aligned(side, answered) {
  const number = side.chosen ?? answered?.compared;
  const face = side.found?.faces.find((each) => each.number === number) ?? answered?.faces[0];
  return face?.aligned
    ? h("img", { src: face.aligned, alt: t("face_aligned", { name: side.slot.element.getAttribute("aria-label") ?? "" }) })
    : h("span", { class: "missing" }, t("no_face"));
}

/** @param {Verdict} verdict */
function numbers(verdict) {
  const [low, high] = verdict.zone ?? [verdict.threshold, verdict.threshold];
  /** @type {[string, string][]} */
  const limits = low === high ? [[t("threshold"), decimal(low, 3)]] : [[t("same_from"), decimal(high, 3)], [t("different_below"), decimal(low, 3)]];
  return tiles([[t("probability_same"), percent(verdict.probability ?? 0)], [t("score"), decimal(verdict.score ?? 0, 3)], ...limits]);
}

/** @param {import("./types.js").StrangerRates} rates */
function strangers({ this_high, least }) {
  if (this_high >= 0.5) return t("strangers_half");
  const many = 10_000 * this_high;
  const number = many >= 1 ? Math.round(many) : Number(many.toPrecision(1));
  return this_high <= least ? t("strangers_most", { number }) : t("strangers_about", { number });
}

/** @param {HTMLElement} place @param {Verdict} verdict */
function showMaps(place, verdict) {
  if (!verdict.maps) return fill(place, h("p", { class: "note" }, t("explain_none")));
  fill(place, h("h2", {}, t("explain_title")),
    h("div", { class: "pair-faces large" }, ...verdict.maps.map((map, number) =>
      h("img", { src: map, alt: t("map_alt", { name: number ? t("photo_second") : t("photo_first") }) }))),
    h("div", { class: "bar", role: "img", "aria-label": t("map_colours") }),
    h("div", { class: "ends" }, h("span", {}, t("map_different")), h("span", {}, t("map_same"))),
    h("p", { class: "note" }, verdict.maps_meaning));
  announce(t("explain_ready"));
}
