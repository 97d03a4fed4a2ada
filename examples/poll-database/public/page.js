import { format } from "./format.js";
import { Reader } from "./reader.js";

/** Time from a response to the next request of the server's figures, in ms. */
const STATS_INTERVAL = 500;

const [start, second, remove] = /** @type {[HTMLButtonElement, HTMLButtonElement, HTMLButtonElement]} */ (
  ["start", "second", "remove"].map(byId)
);
const faults = /** @type {HTMLInputElement[]} */ (["down", "slow"].map(byId));

/** @type {string | null} */
let jobId = null;
/** @type {Reader[]} */
let readers = [];
/** How many times the faults were set. Figures that were requested before the last time are too old for the switches. */
let faultChanges = 0;

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Shows the job in the query of the address. */
function showJob() {
  for (const reader of readers) reader.remove();
  readers = [];
  jobId = new URLSearchParams(location.search).get("job");
  second.disabled = remove.disabled = jobId === null;
  addReader("Reader");
}

/** @param {string} title */
function addReader(title) {
  if (jobId !== null) {
    const reader = new Reader(title, jobId);
    readers.push(reader);
    byId("readers").append(reader.panel);
    reader.connect();
  }
  second.textContent = readers.length > 1 ? "Close the second reader" : "Open a second reader";
}

/**
 * Sends a request and shows the error if it fails.
 *
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<Response | undefined>}
 */
async function send(method, path, body) {
  byId("error").textContent = "";
  const response = await fetch(path, {
    method,
    ...(body !== undefined && {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  }).catch(() => undefined);
  if (response?.ok) return response;
  const { error } = response === undefined ? { error: "the server does not respond" } : await response.json();
  byId("error").textContent = error;
  return undefined;
}

async function startJob() {
  start.disabled = true;
  const slices = Number(/** @type {HTMLSelectElement} */ (byId("slices")).value);
  const response = await send("POST", "/jobs", { slices });
  start.disabled = false;
  if (response === undefined) return;
  const { id } = await response.json();
  history.pushState(null, "", `?job=${id}`);
  showJob();
}

/** @param {HTMLInputElement} input */
async function setFault(input) {
  input.disabled = true;
  await send("PUT", "/faults", { [input.id]: input.checked });
  faultChanges++;
  input.disabled = false;
}

/**
 * The value at a path such as `gauges.streams`, or the sum of the values if it is an object.
 *
 * @param {any} stats
 * @param {string} path
 */
function valueAt(stats, path) {
  const value = path.split(".").reduce((part, name) => part?.[name], stats);
  if (value === undefined || typeof value === "string") return value ?? "none";
  const parts = /** @type {number[]} */ (typeof value === "object" ? Object.values(value) : [value]);
  return format(parts.reduce((sum, part) => sum + part, 0));
}

/**
 * Requests the server's figures. They are not a stream, because a browser allows six connections per server, and this
 * page may be open twice.
 */
async function refreshStats() {
  if (!document.hidden) {
    const changesBefore = faultChanges;
    const response = await fetch(`/jobs/${jobId ?? "none"}/stats`).catch(() => undefined);
    byId("stats").classList.toggle("stale", response === undefined);
    const stats = await response?.json();
    if (stats !== undefined) {
      for (const part of byId("stats").querySelectorAll("dd")) {
        part.textContent = valueAt(stats, part.dataset["figure"] ?? "");
      }
      for (const input of faults) {
        if (!input.disabled && faultChanges === changesBefore) input.checked = stats.faults[input.id];
      }
    }
  }
  setTimeout(() => void refreshStats(), STATS_INTERVAL);
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void startJob();
});

for (const input of faults) {
  input.addEventListener("change", () => void setFault(input));
}

remove.addEventListener("click", () => void send("DELETE", `/jobs/${jobId}`));

second.addEventListener("click", () => {
  if (readers.length === 1) return addReader("Second reader");
  readers.pop()?.remove();
  second.textContent = "Open a second reader";
});

addEventListener("popstate", showJob);
showJob();
void refreshStats();
