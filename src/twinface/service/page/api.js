// @ts-check
/** Calls of the service. */
import { t } from "./texts.js";

/** @type {import("./types.js").Access} */
let access = { needs_key: false, scopes: ["read", "enrol", "admin"] };

/** An answer that is an error: the envelope of the service, or that there was no answer. */
export class ServiceError extends Error {
  /** @param {number} status 0 without an answer @param {string} code @param {string} message @param {any} [details] */
  constructor(status, code, message, details) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details ?? {};
  }
}

/** @param {string} key "" forgets it */
export function keepKey(key) {
  if (key) sessionStorage.setItem("twinface-key", key);
  else sessionStorage.removeItem("twinface-key");
}

export function hasKey() {
  return Boolean(sessionStorage.getItem("twinface-key"));
}

/** What this page may do, asked anew. */
export async function loadAccess() {
  access = await get("/v1/access");
  return access;
}

/** @param {"read"|"enrol"|"admin"} scope */
export function may(scope) {
  return access.scopes.includes(scope) || access.scopes.includes("admin");
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: FormData|object, signal?: AbortSignal, headers?: Record<string, string>}} [request]
 */
async function fetched(method, path, { body, signal, headers } = {}) {
  const key = sessionStorage.getItem("twinface-key");
  const plain = body !== undefined && !(body instanceof FormData);
  const sent = {
    ...headers,
    ...(key ? { Authorization: `Bearer ${key}` } : {}),
    ...(plain ? { "Content-Type": "application/json" } : {}),
  };
  const options = { method, signal, headers: sent, body: plain ? JSON.stringify(body) : /** @type {FormData} */ (body) };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServiceError(0, "no_answer", t("error_no_answer"));
  }
  if (!answer.ok) throw await problem(answer);
  return answer;
}

/** @param {Response} answer */
async function problem(answer) {
  const said = await answer.json().catch(() => null);
  const found = said?.error ?? {};
  let message = found.message || t("error_status", { status: String(answer.status) });
  const wait = Number(answer.headers.get("Retry-After"));
  if ([429, 503].includes(answer.status)) message += ` ${wait ? t("retry_after", { count: wait }) : t("retry_soon")}`;
  if (answer.status === 401) document.dispatchEvent(new CustomEvent("key-needed"));
  return new ServiceError(answer.status, found.code || "unexpected", message, found.details);
}

/** @param {string} path @param {AbortSignal} [signal] */
export async function get(path, signal) {
  return (await fetched("GET", path, { signal })).json();
}

/**
 * @param {"POST"|"PATCH"|"DELETE"} method
 * @param {string} path
 * @param {FormData|object} [body]
 * @param {AbortSignal} [signal]
 * @param {Record<string, string>} [headers]
 */
export async function send(method, path, body, signal, headers) {
  return (await fetched(method, path, { body, signal, headers })).json();
}

/** A picture that needs the key, as an address for an image. @param {string} path @param {AbortSignal} signal */
export async function picture(path, signal) {
  const address = URL.createObjectURL(await (await fetched("GET", path, { signal })).blob());
  signal.addEventListener("abort", () => URL.revokeObjectURL(address));
  return address;
}

/**
 * Fields and photos as a form.
 * @param {Record<string, string|number|boolean|File|File[]>} fields
 */
export function form(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof File) data.append(name, value, value.name);
    else if (Array.isArray(value)) value.forEach((file) => data.append(name, file, file.name));
    else data.append(name, String(value));
  }
  return data;
}

/** A number that no other request has. */
export function freshKey() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID(); // only in secure contexts
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
