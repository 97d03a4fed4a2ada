/** @import { Machine, Machines } from "../events.ts" */
import { ResilientEventSource } from "@holdfast/client";
import { Reader } from "./reader.js";

const LABELS = { running: "running", starting: "starting", dead: "killed" };

/** A machine on the page: how it is, and a switch. */
class Panel {
  /** @type {Machine | undefined} */
  machine;
  root;
  #part;

  /** @param {HTMLElement} root @param {string} name as in the address of its switch */
  constructor(root, name) {
    this.root = root;
    this.#part = (/** @type {string} */ part) => partOf(root, part);
    this.#part("switch")?.addEventListener("click", () => {
      const running = this.machine?.status === "dead";
      void ask(`/machines/${name}`, { method: "PUT", body: JSON.stringify({ running }) });
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

/** A web server, with a reader of the job through it. */
class Server extends Panel {
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
    this.#cancel.addEventListener("click", () => void this.#ask(`/jobs/${jobId}`, { method: "DELETE" }));
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

  /** Follows the job that the address names. */
  follow() {
    if (jobId === null || this.machine?.url === undefined) return;
    this.reader.follow(`${this.machine.url}/jobs/${encodeURIComponent(jobId)}/stream`);
  }

  async #startJob() {
    const response = await this.#ask("/jobs", { method: "POST" });
    if (response === undefined) return;
    const { id } = await response.json();
    history.pushState(null, "", `?job=${id}`);
    showJob();
  }

  #showControls() {
    const runs = this.machine?.status === "running";
    this.#start.disabled = !runs;
    this.#cancel.disabled = !runs || jobId === null || this.reader.isOver;
  }

  /** @param {string} path @param {RequestInit} request */
  #ask(path, request) {
    return ask(this.machine?.url + path, request);
  }
}

/** @param {string} url @param {RequestInit} request @returns {Promise<Response | undefined>} */
async function ask(url, request) {
  byId("refusal").textContent = "";
  const response = await fetch(url, request).catch(() => undefined);
  if (response?.ok) return response;
  const { error } = response === undefined ? { error: "the server does not answer" } : await response.json();
  byId("refusal").textContent = error;
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
const servers = { a: new Server("a", "Web server A"), b: new Server("b", "Web server B") };
const worker = new Panel(byId("worker"), "worker");
const redis = new Panel(byId("redis"), "redis");

/** Shows the job that the address names. */
function showJob() {
  jobId = new URLSearchParams(location.search).get("job");
  for (const server of Object.values(servers)) server.follow();
}

const flush = /** @type {HTMLButtonElement} */ (byId("flush"));
const time = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

async function flushRedis() {
  const response = await ask("/redis/keys", { method: "DELETE" });
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
    byId("flushed").textContent = `It is yours (${machines.redis.url}), and not flushed.`;
});

addEventListener("popstate", showJob);
showJob();
