/** @import { TextMessage } from "@holdfast/client" */
import { connect, ConnectionError } from "@holdfast/client";

/** @typedef {{ number: number, of: number, run: number, pid: number }} Chapter */

const faults = /** @type {HTMLButtonElement[]} */ ([byId("fail"), byId("kill"), byId("cancel")]);

/** @type {AbortController | undefined} */
let reading;
/** @type {string | null} */
let id = null;

/** Reads the report in the query of the address, from its first event on. */
async function showReport() {
  reading?.abort();
  const { signal } = (reading = new AbortController());
  id = new URLSearchParams(location.search).get("report");
  byId("chapters").replaceChildren();
  byId("count").textContent = byId("run").textContent = "";
  setState("no report");
  if (id === null) return;

  const report = connect(`/reports/${encodeURIComponent(id)}`, {
    signal,
    backoff: { base: 500, cap: 2_000 },
  });
  report.subscribe(({ status }) => status !== "closed" && setState(status));
  const sequence = new Sequence();
  try {
    for await (const message of report) {
      sequence.add(message.id);
      show(message);
    }
    sequence.isOver = true;
    setState("ended: done");
  } catch (error) {
    if (signal.aborted) return;
    sequence.isOver = true;
    setState(error instanceof ConnectionError ? `ended: ${error.reason}` : "ended: failed");
  }
  sequence.show();
}

/** @param {TextMessage} message */
function show({ event, data }) {
  const chapters = byId("chapters");
  if (event === "chapter") {
    /** @type {Chapter} */
    const { number, of, run, pid } = JSON.parse(data);
    while (chapters.children.length >= number) chapters.lastChild?.remove();
    chapters.append(document.createElement("p"));
    byId("run").textContent = `Chapter ${number} of ${of}, run ${run}, worker process ${pid}`;
  } else if (event === "token") {
    chapters.lastElementChild?.append(data);
  } else if (event === "report") {
    for (const text of JSON.parse(data)) {
      const chapter = document.createElement("p");
      chapter.textContent = text;
      chapters.append(chapter);
    }
    byId("run").textContent = "The report comes from the queue.";
  }
}

/** Counts the events by the numbers in their ids, so that losses and duplicates show. */
class Sequence {
  isOver = false;
  #received = 0;
  #missed = 0;
  #doubled = 0;
  #next = 1;

  /** @param {string} eventId */
  add(eventId) {
    const number = Number(eventId.split(".")[1]);
    if (number < this.#next) this.#doubled++;
    else {
      this.#received++;
      this.#missed += number - this.#next;
      this.#next = number + 1;
    }
    this.show();
  }

  show() {
    const isRight = this.#missed === 0 && this.#doubled === 0;
    byId("count").textContent = `${this.#received} events, ${this.#missed} missed, ${this.#doubled} doubled`;
    byId("proof").dataset["proof"] = isRight ? (this.isOver ? "right" : "open") : "wrong";
  }
}

/** @param {string} state */
function setState(state) {
  const badge = byId("state");
  // Written only when it changes, so that a screen reader announces it once.
  if (badge.textContent !== state) badge.textContent = badge.dataset["state"] = state;
  for (const button of faults) button.disabled = state === "no report" || state.startsWith("ended");
}

/** Sends a request and shows the error if it fails. @param {string} method @param {string} path @param {object} [body] */
async function send(method, path, body) {
  byId("error").textContent = "";
  const request = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await fetch(path, request).catch(() => undefined);
  if (response?.ok) return response;
  const problem = response === undefined ? "does not respond" : `answers ${response.status}`;
  byId("error").textContent = `The server ${problem}.`;
  return undefined;
}

/** @param {string} elementId */
function byId(elementId) {
  return /** @type {HTMLElement} */ (document.getElementById(elementId));
}

async function order() {
  const topic = /** @type {HTMLInputElement} */ (byId("topic")).value;
  const response = await send("POST", "/reports", { topic });
  if (response === undefined) return;
  const created = await response.json();
  history.pushState(null, "", `?report=${created.id}`);
  void showReport();
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  void order();
});
for (const fault of ["fail", "kill"]) {
  byId(fault).addEventListener("click", () => void send("POST", `/reports/${id}/faults`, { fault }));
}
byId("cancel").addEventListener("click", () => void send("DELETE", `/reports/${id}`));
addEventListener("popstate", () => void showReport());
void showReport();
