import type { Random } from "../harness/random.ts";

/** Text that must never come back in an event stream. */
export const MARKER = "hostile-marker";

/** Ids and paths that honest clients read too, so that hostile ones meet them on the same streams. */
const HONEST_PATHS = [
  "/jobs/job-0",
  "/jobs/flaky-0",
  "/rooms/room-0",
  "/jobs/row-0",
  "/demand/demand-0",
  "/bare/count",
];

/** The rest of the paths: what fails, waits or never ends. */
const OTHER_PATHS = [
  "/jobs/job-1?refuse",
  "/jobs/job-1?plain",
  "/rooms/room-1?logout",
  "/jobs/job-2?user",
  "/rooms/room-1?user",
  "/bare/silent?user",
  "/jobs/job-2?kick",
  "/jobs/slow-row",
  "/jobs/hanging-row",
  "/jobs/later",
  "/demand/endless",
  "/demand/failing",
  "/bare/throws",
  "/bare/flood",
  "/bare/silent",
  "/bare/flood?plain",
];

const HOSTILE_IDS = [
  "",
  "%00",
  "%",
  "%ff%fe",
  "..%2f..%2fetc",
  "__proto__",
  "constructor",
  "%0d%0aset-cookie:%20a=b",
  "%F0%9F%99%82".repeat(30),
  "x".repeat(256),
  "x".repeat(257),
  "x".repeat(9_000),
];

export function hostilePath(random: Random): string {
  if (random.chance(0.4)) return random.pick(HONEST_PATHS);
  if (random.chance(0.5)) return random.pick(OTHER_PATHS);
  const folder = random.pick(["jobs", "rooms", "demand", "bare", "nothing"]);
  const id = random.chance(0.5) ? random.pick(HOSTILE_IDS) : `${MARKER}-${random.int(0, 1e9)}`;
  const query = random.chance(0.3) ? `?lastEventId=${encodeURIComponent(hostileCursor(random))}` : "";
  return `/${folder}/${id}${query}`;
}

/** Something for `Last-Event-ID`. Forged cursors look like an epoch and a number. */
export function hostileCursor(random: Random): string {
  const epoch = random.pick(["0000000000", "zzzzzzzzzz", "", "épöque", "0".repeat(32)]);
  const number = random.pick([
    "0",
    "1",
    "01",
    "-1",
    "1e3",
    "NaN",
    "9007199254740993",
    "9".repeat(40),
    "1.end",
    "0.end.end",
  ]);
  return random.pick([
    `${epoch}.${number}`,
    `${MARKER}.${number}`,
    "\u0000",
    "a\u0000b",
    "\u{1F642}\u202e",
    "data: x",
    MARKER.repeat(random.pick([1, 100, 1_000])),
    "x".repeat(65_536),
  ]);
}
