// @ts-check
/** All words of the page come from one file for each language. */

/** @type {Record<string, string|Record<string, string>>} */
let texts = {};
let plural = new Intl.PluralRules("en");
let language = "en";

/** Loads the texts of the first language of the browser that the service has, else English. */
export async function loadTexts() {
  const known = (document.documentElement.dataset.languages || "en").split(" ");
  const wanted = navigator.languages.map((name) => name.split("-")[0]);
  language = wanted.find((name) => known.includes(name)) || "en";
  texts = await (await fetch(`/page/texts.${language}.json`)).json();
  plural = new Intl.PluralRules(language);
  document.documentElement.lang = language;
}

/**
 * A text with its values put in. A text with several forms takes the one for `values.count`.
 * @param {string} key
 * @param {Record<string, string|number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const found = texts[key] ?? key;
  const form = typeof found === "string" ? found : found[plural.select(Number(values.count))] ?? found.other;
  return form.replace(/\{(\w+)\}/g, (_, name) => show(values[name]));
}

/** @param {string|number|undefined} value */
function show(value) {
  return typeof value === "number" ? value.toLocaleString(language) : String(value ?? "");
}

/** @param {number} share in [0, 1] */
export function percent(share) {
  const digits = share >= 0.1 && share <= 0.9 ? 0 : 1;
  const format = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits });
  if (share > 0.9995 && share < 1) return `>${format.format(0.999)}`;
  if (share < 0.0005 && share > 0) return `<${format.format(0.001)}`;
  return format.format(share);
}

/** @param {number} value @param {number} digits */
export function decimal(value, digits) {
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {string} when ISO 8601 */
export function day(when) {
  const date = new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(when) ? when : `${when}Z`);
  return Number.isNaN(date.getTime()) ? when : date.toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}
