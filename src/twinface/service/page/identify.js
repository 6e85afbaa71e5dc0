// @ts-check
/** Who is on a photo, or in front of the camera? */
import { form, get, send } from "./api.js";
import { announce, button, fill, h } from "./dom.js";
import { faceCards, marksOf, namesOf } from "./identified.js";
import { startLive } from "./live.js";
import { createSlot, takePastes } from "./slot.js";
import { t } from "./texts.js";

/** @typedef {import("./types.js").Identification} Identification */

/** @param {HTMLElement} place @param {string} _ @param {AbortSignal} signal */
export async function identifyView(place, _, signal) {
  const result = h("section", { class: "result", "aria-label": t("result") });
  const live = h("div", { class: "live" });
  const strict = h("select", { id: "fpir", onchange: () => void identify() },
    ...[["0.001", 1000], ["0.01", 100], ["0.1", 10]].map(([value, count]) => h("option", { value, selected: value === "0.01" }, t("fpir_one_of", { count }))));
  const slot = createSlot(t("photo"), signal, () => void identify());
  let run = new AbortController();
  let liveRun = /** @type {AbortController|null} */ (null);

  async function identify() {
    run.abort();
    run = new AbortController();
    fill(result);
    const { photo } = slot;
    if (!photo) return;
    const now = AbortSignal.any([signal, run.signal]);
    slot.say(h("p", { class: "note busy" }, t("identifying")));
    try {
      const found = /** @type {Identification} */ (await send("POST", "/v1/identify", form({ photo, show: true, fpir: strict.value }), now));
      slot.draw(found.width, found.height, marksOf(found));
      slot.say(h("p", { class: "note" }, t("faces_found", { count: found.faces.length })));
      fill(result, ...faceCards(found, photo, now, identify));
      announce(found.faces.length ? namesOf(found) : t("faces_found", { count: 0 }));
    } catch (error) {
      if (!now.aborted) slot.say();
      throw error;
    }
  }

  const toggle = button(t("live_start"), () => {
    if (liveRun) return stop();
    liveRun = new AbortController();
    toggle.textContent = t("live_stop");
    slot.element.hidden = true;
    fill(result);
    startLive(live, AbortSignal.any([signal, liveRun.signal]), () => strict.value, (photo) => {
      stop();
      void slot.take(photo);
    }).catch((error) => {
      stop();
      throw error;
    });
  });

  function stop() {
    liveRun?.abort();
    liveRun = null;
    toggle.textContent = t("live_start");
    slot.element.hidden = false;
    fill(live);
  }

  takePastes(signal, ([file]) => void slot.take(file));
  const count = h("p", { class: "headline" }, t("identify_lead"));
  fill(place, count, h("div", { class: "row" }, toggle, h("label", { for: "fpir" }, t("fpir")), strict),
    h("div", { class: "slots one" }, h("div", {}, slot.element, live), result));
  const people = await get("/v1/people?after=0&limit=1", signal);
  if (people.count === 0) count.after(h("p", { class: "note" }, `${t("gallery_empty")} `, h("a", { href: "/#people" }, t("person_add"))));
}
