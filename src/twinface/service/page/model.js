// @ts-check
/** Which model answers, how often it errs, and what nobody should use it for. */
import { get } from "./api.js";
import { fill, h, table, tiles } from "./dom.js";
import { decimal, percent, t } from "./texts.js";

/** @param {HTMLElement} place @param {string} _ @param {AbortSignal} signal */
export async function modelView(place, _, signal) {
  const [models, gallery] = await Promise.all([get("/v1/models", signal), get("/v1/gallery", signal)]);
  const { model, installed } = models;
  const [low, high] = model.zone ?? [model.threshold, model.threshold];
  /** @type {[string, string][]} */
  const limits = low === high ? [[t("threshold"), decimal(low, 3)]] : [[t("same_from"), decimal(high, 3)], [t("different_below"), decimal(low, 3)]];
  const rates = /** @type {import("./types.js").ErrorRates[]} */ (models.error_rates ?? []);
  fill(place,
    h("p", { class: "headline" }, t("model_lead")),
    tiles([[t("model_name"), model.name], ...limits, [t("embedding"), t("numbers_count", { count: model.embedding_size })]]),
    h("p", { class: "note" }, t("model_data", { trained: model.trained_on, fitted: model.threshold_fitted_on })),
    h("h2", {}, t("rates")), h("p", {}, t("rates_lead")), models.measured_on && h("p", { class: "note" }, t("rates_on", { data: models.measured_on })),
    models.rates_text && h("p", { class: "note" }, models.rates_text),
    rates.length > 0 && table(t("rates_caption"), [t("far"), t("frr"), t("threshold")],
      rates.map((rate) => [oneOf(rate.fmr), t("between", { rate: percent(rate.fnmr), low: percent(rate.fnmr_low), high: percent(rate.fnmr_high) }), decimal(rate.threshold, 3)])),
    h("h2", {}, t("gallery")), tiles([
      [t("people"), t("plain_number", { count: gallery.people })], [t("faces"), t("plain_number", { count: gallery.faces })],
      [t("encryption"), t(`encryption_${gallery.encryption}`)], [t("crops_kept"), t(gallery.keeps_crops ? "yes" : "no")]]),
    h("h2", {}, t("limits")), h("ul", { class: "limits" }, ...["liveness", "decision", "people", "twins", "law"].map((name) => h("li", {}, t(`limit_${name}`)))),
    installed?.length > 0 && h("details", {}, h("summary", {}, t("installed")), table(t("installed"), [t("model_name"), t("installed_here"), t("about")],
      installed.map((/** @type {any} */ one) => [one.name, t(one.is_installed ? "yes" : "no"), one.summary]))));
}

/** @param {number} rate */
function oneOf(rate) {
  return rate > 0 ? t("one_of", { count: Number((1 / rate).toPrecision(2)) }) : "0";
}
