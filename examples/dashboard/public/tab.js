import { multiplex } from "@holdfast/client/tabs";
import { NumberCheck } from "./number-check.js";

/** @import { FeedEvents, JobEvents, ValueEvents } from "../events.ts" */
/** @typedef {{ role: string, streams: number, received: number, missed: number, doubled: number }} Report What the page is told. */

/** The time between two reports, in ms. */
const REPORT_INTERVAL = 100;
/** How many entries of the feed are shown. */
const ENTRIES = 2;

// All pages of this demo have the same user.
const live = multiplex("/live", { shareAs: "demo" });
const check = new NumberCheck();
let streams = 2;

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** The current values: after a gap only the newest of each machine comes. */
async function followValues() {
  /** @type {Map<string, HTMLElement>} */
  const cells = new Map();
  for await (const { event, data } of live.connect("values")) {
    if (event === "job") {
      void followJob(/** @type {ValueEvents["job"]} */ (JSON.parse(data)).id);
      continue;
    }
    const { name, percent, number } = /** @type {ValueEvents["load"]} */ (JSON.parse(data));
    check.addValue(name, number);
    const cell = cells.get(name) ?? document.createElement("li");
    if (!cells.has(name)) byId("values").append(cell);
    cells.set(name, cell);
    cell.style.order = name.split(" ")[1] ?? "";
    cell.textContent = String(percent);
    cell.title = name;
    cell.style.setProperty("--load", `${percent}%`);
  }
}

async function followFeed() {
  for await (const { data } of live.connect("feed")) {
    const { number, text } = /** @type {FeedEvents["entry"]} */ (JSON.parse(data));
    check.addNext("feed", number);
    const line = document.createElement("li");
    line.textContent = `${number} ${text}`;
    byId("feed").prepend(line);
    byId("feed").children[ENTRIES]?.remove();
  }
}

/** @param {string} id */
async function followJob(id) {
  streams++;
  const bar = /** @type {HTMLProgressElement} */ (byId("bar"));
  let steps = 0;
  for await (const { data } of live.connect(`jobs/${id}`)) {
    const { number, of } = /** @type {JobEvents["step"]} */ (JSON.parse(data));
    check.addNext(id, number, 1);
    byId("job").textContent = `${id}: ${number} of ${of} steps`;
    bar.max = of;
    bar.value = number;
    steps = of;
  }
  check.addEnd(id, steps);
  streams--;
}

function report() {
  const { role } = live;
  const { received, missed, doubled } = check;
  byId("role").textContent = byId("role").dataset["state"] = role;
  byId("count").textContent = check.toString();
  parent.postMessage(/** @type {Report} */ ({ role, streams, received, missed, doubled }), location.origin);
}

void followValues();
void followFeed();
setInterval(report, REPORT_INTERVAL);
