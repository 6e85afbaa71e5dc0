// @ts-check
/** One job: its progress and its results. */
import { get, send } from "./api.js";
import { announce, button, fill, h, table, tiles } from "./dom.js";
import { fieldRows, head, resultRows, saveCsv, saveJson } from "./job_results.js";
import { day, t } from "./texts.js";

const PAGE = 50;

/** @typedef {import("./types.js").Job} Job */

/** @param {Job["state"]} state */
export function stateName(state) {
  return t(`state_${state}`);
}

/** @param {Job} job */
export function runs(job) {
  return ["queued", "running"].includes(job.state);
}

/** @param {HTMLElement} place @param {string} id @param {AbortSignal} signal */
export async function jobView(place, id, signal) {
  const path = `/v1/jobs/${encodeURIComponent(id)}`;
  const progress = h("progress", { "aria-label": t("progress") });
  const facts = h("div", {});
  const cancel = button(t("job_cancel"), async () => {
    cancel.disabled = true;
    await send("POST", `${path}/cancel`, {}, signal);
  }, "danger");
  const results = h("div", {});
  fill(place, h("p", {}, h("a", { href: "/#jobs" }, `← ${t("jobs_all")}`)), facts, progress, h("div", { class: "row" }, cancel), results);
  for (;;) {
    const job = /** @type {Job} */ (await get(path, signal));
    fill(facts, h("h2", {}, t(`job_${job.kind}`)),
      tiles([[t("state"), stateName(job.state)], [t("photos"), t("done_of", { done: job.done, total: job.total })], [t("created"), day(job.created)]]),
      job.error && h("p", { class: "warning" }, job.error));
    progress.max = Math.max(job.total, 1);
    progress.value = job.done;
    progress.hidden = cancel.hidden = !runs(job);
    if (!runs(job)) {
      announce(`${t(`job_${job.kind}`)}: ${stateName(job.state)}`);
      if (job.done) await showResults(results, job, path, signal);
      return;
    }
    await new Promise((done) => setTimeout(done, 1000));
    if (signal.aborted) return;
  }
}

/** @param {HTMLElement} place @param {Job} job @param {string} path @param {AbortSignal} signal */
async function showResults(place, job, path, signal) {
  const name = `twinface-${job.kind}-${job.id}`;
  /** @type {any[]} */
  const rows = [];
  let next = /** @type {number|null} */ (0);
  const more = button(t("more"), () => void load());
  const shown = h("div", {});

  async function page() {
    const answer = await get(`${path}/results?after=${next}&limit=${PAGE}`, signal);
    for (const row of [...(answer.rows ?? []), ...(answer.without_face ?? [])]) rows.push(row);
    next = answer.next ?? null;
    return answer.result;
  }

  function show() {
    fill(shown, table(t("results"), head(job.kind), resultRows(job.kind, rows)));
    more.hidden = next === null;
  }

  async function load() {
    await page();
    show();
  }

  /** @param {(name: string, rows: any[]) => void} save */
  async function saveAll(save) {
    while (next !== null) await page();
    show();
    save(name, rows);
  }

  const whole = await page(); // of a job about the whole gallery; null if it has not finished
  if (whole === null) return;
  if (whole) {
    return fill(place, h("h2", {}, t("results")), h("div", { class: "row" }, button(t("save_json"), () => saveJson(name, whole))),
      table(t("results"), [t("name"), t("value")], fieldRows(whole)));
  }
  show();
  fill(place, h("h2", {}, t("results")),
    h("div", { class: "row" }, button(t("save_csv"), () => void saveAll((to, all) => saveCsv(to, job.kind, all))),
      button(t("save_json"), () => void saveAll(saveJson))),
    shown, h("div", { class: "row" }, more));
}
