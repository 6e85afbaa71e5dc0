// @ts-check
/** The quality of a face in words. */
import { h } from "./dom.js";
import { t } from "./texts.js";

/** @param {import("./types.js").Quality|null|undefined} quality */
export function qualityLine(quality) {
  if (!quality) return h("p", { class: "note" }, t("quality_none"));
  const word = h("strong", { class: `grade ${quality.word}` }, t(`quality_${quality.word}`));
  return h("div", { class: "quality" }, h("p", {}, `${t("quality")} `, word, ` · ${t("of_100", { value: quality.value })}`),
    quality.reasons.length > 0 && h("ul", {}, ...quality.reasons.map((reason) => h("li", {}, reason))));
}
