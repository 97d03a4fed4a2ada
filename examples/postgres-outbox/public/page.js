/** @import { Machine } from "../../common/machine.ts" */
/** @import { Machines } from "../events.ts" */
import { ResilientEventSource } from "@holdfast/client";
import { addServerPanel, byId, MachinePanel, partOf, send } from "../../common/page/machine-panel.js";
import { format } from "../../common/page/sequence-check.js";
import { Reader } from "./reader.js";

/** How many orders one click places. */
const MANY = 60;

/** The panel of a web server, with a reader that follows the feed through it. */
class ServerPanel extends MachinePanel {
  reader;
  #buttons;

  /** @param {string} name @param {string} title */
  constructor(name, title) {
    const root = addServerPanel(title);
    super(root, name);
    this.reader = new Reader(root);
    this.#buttons = [
      this.#button("place", () => this.#place(false)),
      this.#button("rollBack", () => this.#place(true)),
      this.#button("many", async () => {
        for (let order = 1; order <= MANY; order++) if (!(await this.#place(order % 3 === 0))) break;
      }),
    ];
  }

  /** @override @param {Machine} machine */
  show(machine) {
    if (this.machine?.url === undefined && machine.url !== undefined)
      this.reader.follow(`${machine.url}/orders/feed`);
    super.show(machine);
    for (const button of this.#buttons) button.disabled = machine.status !== "running";
  }

  /** @param {boolean} rollBack @returns {Promise<boolean>} whether the server has answered */
  async #place(rollBack) {
    const request = { method: "POST", body: JSON.stringify({ rollBack }) };
    return (await send(`${this.machine?.url}/orders`, request)) !== undefined;
  }

  /** @param {string} name @param {() => Promise<unknown>} onClick */
  #button(name, onClick) {
    const button = /** @type {HTMLButtonElement} */ (partOf(this.root, name));
    button.addEventListener("click", () => void onClick());
    return button;
  }
}

const servers = { a: new ServerPanel("a", "Web server A"), b: new ServerPanel("b", "Web server B") };
const worker = new MachinePanel(byId("worker"), "worker");
const postgres = new MachinePanel(byId("postgres"), "postgres");

new ResilientEventSource("/machines").addEventListener("machines", ({ data }) => {
  /** @type {Machines} */
  const machines = JSON.parse(data);
  servers.a.show(machines.a);
  servers.b.show(machines.b);
  worker.show(machines.worker);
  postgres.show(machines.postgres);
  for (const { reader } of Object.values(servers)) reader.compare(machines.ledger);
  for (const name of /** @type {const} */ (["committed", "rolledBack", "open"]))
    partOf(postgres.root, name).textContent = format(machines.ledger[name]);
});
