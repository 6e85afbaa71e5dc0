// @ts-check
/** Results of jobs as rows of a table, and as files. */
import { h } from "./dom.js";
import { percent, t } from "./texts.js";

/** @param {string} kind */
export function head(kind) {
  return kind === "cluster" ? [t("group"), t("count"), t("photos")] : [t("photo"), t("who"), t("probability")];
}

/** Photos of a group. @param {any} row @returns {string[]} */
function photosOf(row) {
  return (row.faces ?? row.photos ?? []).map((/** @type {any} */ face) => (typeof face === "string" ? face : face.photo ?? face.file));
}

/** A row for each photo, or for each group. @param {string} kind @param {any[]} rows */
export function resultRows(kind, rows) {
  return rows.map((row, place) => (kind === "cluster" ? groupRow(row, place) : photoRow(row)))
    .map((row) => row.map((cell, place) => (place ? h("span", { class: "lines" }, cell) : cell)));
}

/** @param {any} row @param {number} place @returns {string[]} */
function groupRow(row, place) {
  const photos = photosOf(row);
  return [t("group_number", { number: Number(row.group ?? place) + 1 }), String(photos.length), photos.join("\n")];
}

/** @param {any} row @returns {string[]} */
function photoRow({ photo, error, faces = [] }) {
  if (error || !faces.length) return [photo, error?.message ?? error ?? t("faces_found", { count: 0 }), ""];
  return [photo, faces.map((/** @type {any} */ face) => face.name ?? t("nobody")).join("\n"), faces.map(chance).map(percent).join("\n")];
}

/** @param {any} face */
function chance(face) {
  return face.name ? face.candidates[0].probability : face.nobody;
}

/** @param {string} name @param {any[]} rows */
export function saveJson(name, rows) {
  save(`${name}.json`, JSON.stringify(rows, null, 1), "application/json");
}

/** A line for each face; for groups a line for each photo. @param {string} name @param {string} kind @param {any[]} rows */
export function saveCsv(name, kind, rows) {
  /** @type {any[][]} */
  const lines = kind === "cluster"
    ? [["group", "photo"], ...rows.flatMap((row, place) => photosOf(row).map((photo) => [row.group ?? place, photo]))]
    : [["photo", "face", "name", "probability"], ...rows.flatMap((row) => (row.faces ?? []).map((/** @type {any} */ face, /** @type {number} */ place) =>
      [row.photo, face.face?.number ?? place + 1, face.name ?? "", chance(face).toFixed(4)]))];
  save(`${name}.csv`, lines.map((line) => `${line.map((each) => cell(String(each))).join(",")}\r\n`).join(""), "text/csv");
}

/** A cell of CSV; a spreadsheet must not take a name for a formula. @param {string} text */
function cell(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

/** @param {string} name @param {string} text @param {string} type */
function save(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
