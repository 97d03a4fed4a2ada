/** @import { Machine } from "../../common/machine.ts" */
/** @import { Machines } from "../events.ts" */
import { ResilientEventSource } from "@holdfast/client";
import { addServerPanel, byId, MachinePanel, partOf, send } from "../../common/page/machine-panel.js";
import { Reader } from "./reader.js";

/** The panel of a web server, with a reader that follows the job through it. */
class ServerPanel extends MachinePanel {
  reader;
  #start;
  #cancel;

  /** @param {string} name @param {string} title */
  constructor(name, title) {
    const root = addServerPanel(title);
    super(root, name);
    this.#start = /** @type {HTMLButtonElement} */ (partOf(root, "start"));
    this.#cancel = /** @type {HTMLButtonElement} */ (partOf(root, "cancel"));
    this.#start.addEventListener("click", () => void this.#startJob());
    this.#cancel.addEventListener("click", () => void this.#send(`/jobs/${jobId}`, { method: "DELETE" }));
    this.reader = new Reader(root, () => this.#showControls());
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

/** @type {string | null} */
let jobId = null;
const servers = { a: new ServerPanel("a", "Web server A"), b: new ServerPanel("b", "Web server B") };
const worker = new MachinePanel(byId("worker"), "worker");
const redis = new MachinePanel(byId("redis"), "redis");

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
