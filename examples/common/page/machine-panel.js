/** @import { Machine } from "../machine.ts" */

const LABELS = { running: "running", starting: "starting", dead: "killed" };

/** The panel of a process: its status and a button to kill or start it. */
export class MachinePanel {
  /** @type {Machine | undefined} */
  machine;
  root;

  /** @param {HTMLElement} root @param {string} name the name of the process in `/machines/:name` */
  constructor(root, name) {
    this.root = root;
    partOf(root, "switch")?.addEventListener("click", () => {
      const running = this.machine?.status === "dead";
      void send(`/machines/${name}`, { method: "PUT", body: JSON.stringify({ running }) });
    });
  }

  /** @param {Machine} machine */
  show(machine) {
    this.machine = machine;
    const { status, pid } = machine;
    const label = pid === undefined ? LABELS[status] : `${LABELS[status]}, pid ${pid}`;
    const state = partOf(this.root, "status");
    if (state.textContent !== label) state.textContent = label;
    state.dataset["state"] = status;
    const toggle = /** @type {HTMLButtonElement | null} */ (partOf(this.root, "switch"));
    if (toggle !== null) {
      toggle.textContent = status === "dead" ? "Start" : "kill -9";
      toggle.disabled = status === "starting";
    }
  }
}

/**
 * Adds the panel of a web server to `#servers`, from the template `#server`.
 *
 * @param {string} title
 */
export function addServerPanel(title) {
  const template = /** @type {HTMLTemplateElement} */ (byId("server"));
  const content = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const root = /** @type {HTMLElement} */ (content.firstElementChild);
  root.setAttribute("aria-label", title);
  partOf(root, "title").textContent = title;
  byId("servers").append(root);
  return root;
}

/**
 * Sends a request and shows the error if it fails.
 *
 * @param {string} url
 * @param {RequestInit} request
 * @returns {Promise<Response | undefined>}
 */
export async function send(url, request) {
  byId("error").textContent = "";
  const response = await fetch(url, request).catch(() => undefined);
  if (response?.ok) return response;
  const { error } = response === undefined ? { error: "the server does not respond" } : await response.json();
  byId("error").textContent = error;
  return undefined;
}

/** @param {string} id */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {HTMLElement} root @param {string} name */
export function partOf(root, name) {
  return /** @type {HTMLElement} */ (root.querySelector(`[data-name="${name}"]`));
}
