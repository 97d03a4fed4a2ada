/** @import { Client } from "./open-source.js" */
import { Reader } from "./reader.js";

const cancel = /** @type {HTMLButtonElement} */ (byId("cancel"));
const second = /** @type {HTMLButtonElement} */ (byId("second"));
const start = /** @type {HTMLButtonElement} */ (byId("start"));

/** @type {string | null} */
let jobId = null;
/** @type {Client} */
let client = "holdfast";
/** @type {Reader[]} */
let readers = [];

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Shows the job and the client in the query of the address. */
function showJob() {
  for (const reader of readers) reader.remove();
  readers = [];
  const query = new URLSearchParams(location.search);
  jobId = query.get("job");
  client = asClient(query.get("client"));
  /** @type {HTMLInputElement} */ (byId("client").querySelector(`[value=${client}]`)).checked = true;
  if (jobId !== null) addReader("Reader");
  showControls();
}

/** @param {string | null} name @returns {Client} */
function asClient(name) {
  return name === "native" ? "native" : "holdfast";
}

/** The address that shows a job with a client. @param {string | null} job @param {Client} withClient */
function addressOf(job, withClient) {
  const query = new URLSearchParams({
    ...(job !== null && { job }),
    ...(withClient !== "holdfast" && { client: withClient }),
  });
  return query.size === 0 ? location.pathname : `?${query}`;
}

/** @param {string} title */
function addReader(title) {
  if (jobId === null) return;
  const reader = new Reader(title, jobId, client, showControls);
  readers.push(reader);
  byId("readers").append(reader.element);
  reader.connect();
}

function showControls() {
  cancel.disabled = jobId === null || readers.some(({ hasEnded }) => hasEnded);
  second.disabled = jobId === null;
  byId("hints").hidden = jobId !== null;
  second.textContent = readers.length > 1 ? "Close the second reader" : "Open a second reader";
}

/** Sends a request and shows the error if it fails. @param {string} path @param {RequestInit} request */
async function send(path, request) {
  byId("error").textContent = "";
  const response = await fetch(path, request).catch(() => undefined);
  if (response?.ok) return response;
  const { error } = response === undefined ? { error: "the server does not respond" } : await response.json();
  byId("error").textContent = error;
  return undefined;
}

async function startJob() {
  const path = /** @type {HTMLInputElement} */ (byId("path")).value.trim();
  const filesPerSecond = Number(/** @type {HTMLSelectElement} */ (byId("speed")).value);
  start.disabled = true;
  const response = await send("/jobs", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ path, ...(filesPerSecond > 0 && { filesPerSecond }) }),
  });
  start.disabled = false;
  if (response === undefined) return;
  const { id } = await response.json();
  history.pushState(null, "", addressOf(id, client));
  showJob();
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void startJob();
});

byId("client").addEventListener("change", ({ target }) => {
  client = asClient(/** @type {HTMLInputElement} */ (target).value);
  history.replaceState(null, "", addressOf(jobId, client));
  for (const reader of readers) reader.use(client);
});

cancel.addEventListener("click", () => void send(`/jobs/${jobId}`, { method: "DELETE" }));

second.addEventListener("click", () => {
  if (readers.length > 1) readers.pop()?.remove();
  else addReader("Second reader");
  showControls();
});

addEventListener("popstate", showJob);
showJob();
