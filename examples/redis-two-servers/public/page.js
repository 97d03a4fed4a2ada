/** @import { Machine, Machines } from "../events.ts" */
import { ResilientEventSource } from "@holdfast/client";
import { Reader } from "./reader.js";

const LABELS = { running: "running", starting: "starting", dead: "killed" };

/** The panel of a process: its status and a button to kill or start it. */
class ProcessPanel {
  /** @type {Machine | undefined} */
  machine;
  root;
  #part;

  /** @param {HTMLElement} root @param {string} name the name of the process in `/machines/:name` */
  constructor(root, name) {
    this.root = root;
    this.#part = (/** @type {string} */ part) => partOf(root, part);
    this.#part("switch")?.addEventListener("click", () => {
      const running = this.machine?.status === "dead";
      void send(`/machines/${name}`, { method: "PUT", body: JSON.stringify({ running }) });
    });
  }

  /** @param {Machine} machine */
  show(machine) {
    this.machine = machine;
    const { status, pid } = machine;
    const label = pid === undefined ? LABELS[status] : `${LABELS[status]}, pid ${pid}`;
    const state = this.#part("status");
    if (state.textContent !== label) state.textContent = label;
    state.dataset["state"] = status;
    const toggle = /** @type {HTMLButtonElement | null} */ (this.#part("switch"));
    if (toggle !== null) {
      toggle.textContent = status === "dead" ? "Start" : "kill -9";
      toggle.disabled = status === "starting";
    }
  }
}

/** The panel of a web server, with a reader that follows the job through it. */
class ServerPanel extends ProcessPanel {
  reader;
  #start;
  #cancel;

  /** @param {string} name @param {string} title */
  constructor(name, title) {
    const template = /** @type {HTMLTemplateElement} */ (byId("server"));
    const content = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const root = /** @type {HTMLElement} */ (content.firstElementChild);
    super(root, name);
    root.setAttribute("aria-label", title);
    partOf(root, "title").textContent = title;
    this.#start = /** @type {HTMLButtonElement} */ (partOf(root, "start"));
    this.#cancel = /** @type {HTMLButtonElement} */ (partOf(root, "cancel"));
    this.#start.addEventListener("click", () => void this.#startJob());
    this.#cancel.addEventListener("click", () => void this.#send(`/jobs/${jobId}`, { method: "DELETE" }));
    this.reader = new Reader(root, () => this.#showControls());
    byId("servers").append(root);
  }

  /** @override @param {Machine} machine */
  show(machine) {
    const isNew = this.machine?.url === undefined && machine.url !== undefined;
    super.show(machine);
    if (isNew) this.follow();
    this.#showControls();
  }

  /** Follows the job in the query of the address. */
  follow() {
    if (jobId === null || this.machine?.url === undefined) return;
    this.reader.follow(`${this.machine.url}/jobs/${encodeURIComponent(jobId)}/stream`);
  }

  async #startJob() {
    const response = await this.#send("/jobs", { method: "POST" });
    if (response === undefined) return;
    const { id } = await response.json();
    history.pushState(null, "", `?job=${id}`);
    showJob();
  }

  #showControls() {
    const runs = this.machine?.status === "running";
    this.#start.disabled = !runs;
    this.#cancel.disabled = !runs || jobId === null || !this.reader.canCancel;
  }

  /** @param {string} path @param {RequestInit} request */
  #send(path, request) {
    return send(this.machine?.url + path, request);
  }
}

/**
 * Sends a request and shows the error if it fails.
 *
 * @param {string} url
 * @param {RequestInit} request
 * @returns {Promise<Response | undefined>}
 */
async function send(url, request) {
  byId("error").textContent = "";
  const response = await fetch(url, request).catch(() => undefined);
  if (response?.ok) return response;
  const { error } = response === undefined ? { error: "the server does not respond" } : await response.json();
  byId("error").textContent = error;
  return undefined;
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {HTMLElement} root @param {string} name */
function partOf(root, name) {
  return /** @type {HTMLElement} */ (root.querySelector(`[data-name="${name}"]`));
}

/** @type {string | null} */
let jobId = null;
const servers = { a: new ServerPanel("a", "Web server A"), b: new ServerPanel("b", "Web server B") };
const worker = new ProcessPanel(byId("worker"), "worker");
const redis = new ProcessPanel(byId("redis"), "redis");

/** Shows the job in the query of the address. */
function showJob() {
  jobId = new URLSearchParams(location.search).get("job");
  for (const server of Object.values(servers)) server.follow();
}

const flush = /** @type {HTMLButtonElement} */ (byId("flush"));
const time = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

async function flushRedis() {
  const response = await send("/redis/keys", { method: "DELETE" });
  if (response === undefined) return;
  const { keys } = await response.json();
  byId("flushed").textContent =
    `${keys} ${keys === 1 ? "key" : "keys"} deleted at ${time.format(new Date())}.`;
}

flush.addEventListener("click", () => void flushRedis());

new ResilientEventSource("/machines").addEventListener("machines", ({ data }) => {
  /** @type {Machines} */
  const machines = JSON.parse(data);
  servers.a.show(machines.a);
  servers.b.show(machines.b);
  worker.show(machines.worker);
  redis.show(machines.redis);
  flush.disabled = !machines.redis.isOwn;
  if (!machines.redis.isOwn)
    byId("flushed").textContent = `This is your Redis (${machines.redis.url}), so FLUSHALL is disabled.`;
});

addEventListener("popstate", showJob);
showJob();
