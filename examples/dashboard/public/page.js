import { describeCounts } from "./number-check.js";

/** @import { Figures } from "../events.ts" */
/** @import { Report } from "./tab.js" */

/** The time from an answer of the server to the next request of its figures, in ms. */
const FIGURES_INTERVAL = 250;
const TABS_AT_FIRST = 4;

/** @typedef {{ readonly panel: HTMLElement, readonly frame: HTMLIFrameElement, report?: Report }} Tab */

/** @type {Set<Tab>} */
const tabs = new Set();
/** What the tabs that are closed had received. */
const closed = { received: 0, missed: 0, doubled: 0 };
let opened = 0;
let leadersClosed = 0;

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Opens a tab: a frame, which is a page of its own for everything that tabs share. */
function open() {
  const template = /** @type {HTMLTemplateElement} */ (byId("tab"));
  const panel = /** @type {HTMLElement} */ (template.content.cloneNode(true)).firstElementChild;
  if (!(panel instanceof HTMLElement)) return;
  /** @param {string} name */
  const part = (name) => /** @type {HTMLElement} */ (panel.querySelector(`[data-name="${name}"]`));
  const title = `Tab ${++opened}`;
  const frame = /** @type {HTMLIFrameElement} */ (part("frame"));
  /** @type {Tab} */
  const tab = { panel, frame };
  panel.setAttribute("aria-label", title);
  part("title").textContent = frame.title = title;
  part("close").addEventListener("click", () => close(tab));
  tabs.add(tab);
  byId("tabs").append(panel);
  show();
}

/** @param {Tab} tab */
function close(tab) {
  tab.panel.remove();
  tabs.delete(tab);
  if (tab.report?.role === "leader") leadersClosed++;
  add(closed, tab.report);
  show();
}

/** @param {{ received: number, missed: number, doubled: number }} sum @param {Report} [report] */
function add(sum, report) {
  for (const name of /** @type {const} */ (["received", "missed", "doubled"]))
    sum[name] += report?.[name] ?? 0;
}

function show() {
  const sum = { ...closed };
  for (const { panel, report } of tabs) {
    add(sum, report);
    panel.classList.toggle("leader", report?.role === "leader");
  }
  byId("count").textContent = describeCounts(sum);
  byId("proof").dataset["proof"] = sum.missed + sum.doubled === 0 ? "right" : "wrong";
  byId("tabs-open").textContent = String(tabs.size);
  byId("streams").textContent = String(
    [...tabs].reduce((streams, { report }) => streams + (report?.streams ?? 0), 0),
  );
  byId("leaders-closed").textContent = String(leadersClosed);
}

/** An ordinary request, which has a connection, since the tabs leave five of six. */
async function refreshFigures() {
  const response = await fetch("/figures").catch(() => undefined);
  byId("result").classList.toggle("stale", !response?.ok);
  if (response?.ok) {
    const figures = /** @type {Figures} */ (await response.json());
    byId("connections").textContent = String(figures.connections);
    byId("opened").textContent = String(figures.opened);
    byId("verdict").textContent =
      figures.connections === 1
        ? "All tabs share one connection."
        : `The tabs have ${figures.connections} connections.`;
  }
  setTimeout(() => void refreshFigures(), FIGURES_INTERVAL);
}

addEventListener("message", ({ origin, source, data }) => {
  if (origin !== location.origin) return;
  for (const tab of tabs) if (tab.frame.contentWindow === source) tab.report = data;
  show();
});

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const leader = [...tabs].find(({ report }) => report?.role === "leader");
  if (leader !== undefined) close(leader);
});
byId("open").addEventListener("click", open);
byId("open-five").addEventListener("click", () => {
  for (let count = 0; count < 5; count++) open();
});
byId("start").addEventListener("click", () => void fetch("/jobs", { method: "POST" }));

for (let count = 0; count < TABS_AT_FIRST; count++) open();
void refreshFigures();
