// @ts-check
/** Results of jobs as rows of a table, and as files. */
import { h } from "./dom.js";
import { percent, t } from "./texts.js";

/** @param {string} kind */
export function head(kind) {
  if (kind === "cluster") return [t("group"), t("count"), t("photos")];
  return kind === "embed" ? [t("photo"), t("faces"), t("quality")] : [t("photo"), t("who"), t("probability")];
}

/** A row for each photo, or for each group; then one for each photo that is in no group. @param {string} kind @param {any[]} rows */
export function resultRows(kind, rows) {
  const cells = kind === "cluster" ? groupRow : kind === "embed" ? embeddedRow : identifiedRow;
  return rows.map(cells).map((row) => row.map((cell, place) => (place ? h("span", { class: "lines" }, cell) : cell)));
}

/** The fields of the result of a job about the whole gallery, by the names that the service gives them. @param {any} result */
export function fieldRows(result) {
  return Object.entries(result).map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]);
}

/** @param {any} row @returns {string[]} */
function groupRow({ group, faces, problem }) {
  if (problem) return [t("group_none"), "", problem];
  return [t("group_number", { number: group + 1 }), String(faces.length), faces.map((/** @type {any} */ face) => face.photo).join("\n")];
}

/** @param {any} row @returns {string[]} */
function embeddedRow({ photo, faces, problem }) {
  if (problem) return [photo, problem, ""];
  return [photo, String(faces.length), faces.map((/** @type {any} */ face) => (face.quality ? t(`quality_${face.quality.word}`) : t("quality_none"))).join("\n")];
}

/** @param {any} row @returns {string[]} */
function identifiedRow({ photo, faces, problem }) {
  if (problem) return [photo, problem, ""];
  return [photo, faces.map(nameOf).join("\n"), faces.map(chance).map(percent).join("\n")];
}

/** @param {any} face */
function nameOf(face) {
  return face.name ?? (face.forgotten ? t("person_forgotten") : t("nobody"));
}

/** The probability of the name that a face gets, or of nobody; the first candidate may be one who was rejected. @param {any} face */
export function chance({ name, forgotten, nobody, candidates }) {
  if (name === null && !forgotten) return nobody;
  return candidates.find((/** @type {any} */ candidate) => candidate.name === name).probability;
}

/** @param {string} name @param {any} results */
export function saveJson(name, results) {
  save(`${name}.json`, JSON.stringify(results, null, 1), "application/json");
}

/** A line for each face, and for each photo with a problem. @param {string} name @param {string} kind @param {any[]} rows */
export function saveCsv(name, kind, rows) {
  const [names, cells] = COLUMNS[kind];
  const lines = rows.flatMap((row) => (row.problem ? [[...names.map((column) => (column === "photo" ? row.photo : "")), row.problem]]
    : row.faces.map((/** @type {any} */ face) => [...cells(row, face), ""])));
  const text = [[...names, "problem"], ...lines].map((line) => `${line.map((/** @type {any} */ each) => cell(String(each))).join(",")}\r\n`).join("");
  save(`${name}.csv`, text, "text/csv");
}

/** @type {Record<string, [string[], (row: any, face: any) => any[]]>} */
const COLUMNS = {
  cluster: [["group", "photo"], (row, face) => [row.group, face.photo]],
  embed: [["photo", "face", "embedding"], (row, face) => [row.photo, face.number, face.embedding.join(" ")]],
  identify: [["photo", "face", "name", "probability"], (row, face) => [row.photo, face.face.number, face.forgotten ? t("person_forgotten") : face.name ?? "", chance(face).toFixed(4)]],
};

/** A cell of CSV; a spreadsheet must not take a name for a formula. Numbers stay as they are. @param {string} text */
function cell(text) {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^[-\d.e ]+$/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

/** @param {string} name @param {string} text @param {string} type */
function save(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
