// @ts-check
/** Many photos at once: a folder is uploaded, and the service works through it. */
import { form, get, send } from "./api.js";
import { announce, button, fill, h, table } from "./dom.js";
import { jobView, runs, stateName } from "./job.js";
import { lightened } from "./photo.js";
import { chooser } from "./slot.js";
import { day, t } from "./texts.js";

const BATCH_PHOTOS = 8;
const BATCH_BYTES = 12 * 2 ** 20;

/** @typedef {import("./types.js").Job} Job */

/** @param {HTMLElement} place @param {string} rest @param {AbortSignal} signal */
export async function jobsView(place, rest, signal) {
  if (rest) return jobView(place, rest, signal);
  const list = h("div", {});
  fill(place, h("p", { class: "headline" }, t("jobs_lead")), newJob(signal), h("h2", {}, t("jobs_all")), list);
  await showJobs(list, signal);
}

/** A form for a new job. @param {AbortSignal} signal */
function newJob(signal) {
  /** @type {File[]} */
  let photos = [];
  const chosen = h("p", { class: "note", role: "status" }, t("photos_none"));
  const kinds = h("fieldset", {}, h("legend", {}, t("job_kind")), ...["identify", "cluster"].map((kind, number) =>
    h("label", { class: "choice" }, h("input", { type: "radio", name: "kind", value: kind, checked: number === 0 }),
      h("span", {}, h("strong", {}, t(`job_${kind}`)), h("small", {}, t(`job_${kind}_text`))))));
  const start = h("button", { class: "primary", disabled: true }, t("job_start"));
  const upload = h("div", {});
  const choose = (/** @type {File[]} */ files) => {
    photos = files.filter((file) => file.type.startsWith("image/") || /\.(hei[cf]|avif|jp2|pgm|ppm|tiff?)$/i.test(file.name));
    const megabytes = Math.ceil(photos.reduce((sum, file) => sum + file.size, 0) / 1e6);
    chosen.textContent = t("photos_ready", { count: photos.length, megabytes });
    start.disabled = photos.length === 0;
  };

  /** @param {Event} event */
  async function submitted(event) {
    event.preventDefault();
    start.disabled = true;
    const kind = String(new FormData(element).get("kind"));
    try {
      const job = /** @type {Job} */ (await send("POST", "/v1/jobs", { kind, settings: {} }, signal));
      const refused = await uploadAll(job, photos, upload, signal);
      await send("POST", `/v1/jobs/${job.id}/start`, {}, signal);
      if (refused) announce(t("photos_refused", { count: refused }));
      location.hash = `#jobs/${job.id}`;
    } finally {
      start.disabled = false;
      fill(upload);
    }
  }

  const element = h("form", { class: "card", onsubmit: submitted }, kinds,
    h("div", { class: "row" }, chooser(t("folder_choose"), choose, { multiple: true, folder: true }), chooser(t("photos_choose"), choose, { multiple: true })),
    chosen, h("div", { class: "row" }, start), upload);
  return element;
}

/**
 * Sends photos in small groups. Their names carry their folders.
 * @param {Job} job
 * @param {File[]} photos
 * @param {HTMLElement} place for the progress
 * @param {AbortSignal} signal
 * @returns {Promise<number>} how many were refused
 */
async function uploadAll(job, photos, place, signal) {
  const bar = h("progress", { max: photos.length, value: 0, "aria-label": t("uploading") });
  const words = h("p", { class: "note" }, t("uploading"));
  fill(place, bar, words);
  let sent = 0;
  let refused = 0;
  while (sent < photos.length) {
    /** @type {File[]} */
    const batch = [];
    let bytes = 0;
    while (sent + batch.length < photos.length && batch.length < BATCH_PHOTOS && bytes < BATCH_BYTES) {
      const file = photos[sent + batch.length];
      const light = await lightened(file);
      batch.push(new File([light], file.webkitRelativePath || file.name, { type: light.type }));
      bytes += light.size;
    }
    const answer = await send("POST", `/v1/jobs/${job.id}/photos`, form({ photos: batch }), signal);
    refused += (answer.photos ?? []).filter((/** @type {{accepted: boolean}} */ photo) => !photo.accepted).length;
    sent += batch.length;
    bar.value = sent;
    words.textContent = t("uploaded", { count: sent, of: photos.length });
  }
  return refused;
}

/** The list of jobs, asked for again while one of them runs. @param {HTMLElement} list @param {AbortSignal} signal */
async function showJobs(list, signal) {
  while (!signal.aborted && (await refresh(list, signal))) await new Promise((done) => setTimeout(done, 2000));
}

/**
 * Shows the list of jobs as it is now.
 * @param {HTMLElement} list
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>} whether one of them runs
 */
async function refresh(list, signal) {
  const { jobs } = /** @type {{jobs: Job[]}} */ (await get("/v1/jobs", signal));
  const rows = jobs.map((job) => [h("a", { href: `/#jobs/${job.id}` }, t(`job_${job.kind}`)), stateName(job.state),
    t("done_of", { done: job.done, total: job.total }), day(job.created), removal(job)]);
  const focused = list.contains(document.activeElement);
  if (!focused)
    fill(list, jobs.length ? table(t("jobs_all"), [t("job_kind"), t("state"), t("photos"), t("created"), t("action")], rows)
      : h("p", { class: "note" }, t("jobs_none")));
  return jobs.some(runs);

  /** @param {Job} job */
  function removal(job) {
    if (runs(job)) return "";
    const remove = button(t("remove"), async () => {
      await send("DELETE", `/v1/jobs/${job.id}`, undefined, signal);
      remove.blur();
      await refresh(list, signal);
      list.querySelector("a")?.focus();
    });
    remove.setAttribute("aria-label", t("job_remove", { kind: t(`job_${job.kind}`), day: day(job.created) }));
    return remove;
  }
}
