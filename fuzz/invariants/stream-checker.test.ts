import { expect, test } from "vitest";
import { Violation } from "../harness/wait.ts";
import type { Block } from "./block-parser.ts";
import { eventData } from "./event-data.ts";
import { StreamChecker } from "./stream-checker.ts";

// Plants what a broken server would send: the checker must find each of these.

const OPEN: Block = { event: "stream.open", id: "epoch.0", data: "{}" };
const event = (number: number, life = "life", isLast = false): Block => ({
  id: `epoch.${number}`,
  data: eventData(life, number, isLast),
});
const reset = (lost: readonly [number, number] | null, seq: number): Block => ({
  event: "stream.reset",
  id: `epoch.${seq}`,
  data: JSON.stringify({ reason: "trimmed", lost }),
});
const end = (seq: number, status = "done"): Block => ({
  event: "stream.end",
  id: `epoch.${seq}.end`,
  data: JSON.stringify({ status }),
});

function check(...blocks: Block[]): StreamChecker {
  const checker = new StreamChecker("stream");
  for (const block of blocks) checker.take(block);
  return checker;
}

test("a whole stream passes, with a declared loss and a second life", () => {
  const checker = check(
    OPEN,
    event(1),
    reset([2, 4], 4),
    event(5),
    reset(null, 0),
    event(1, "other"),
    event(2, "other", true),
    end(3),
  );
  checker.noContent();
  expect(checker).toMatchObject({ events: 4, resets: 2, end: "done", cursor: "epoch.3.end" });
});

test.each<[what: string, blocks: Block[]]>([
  ["a gap", [OPEN, event(1), event(3)]],
  ["a double", [OPEN, event(1), event(1)]],
  ["a gap after a reconnect", [OPEN, event(1), { ...OPEN, id: "epoch.2" }]],
  ["a reset that declares less than is missing", [OPEN, event(1), reset([3, 4], 4)]],
  ["another life without a reset", [OPEN, event(1), event(2, "other")]],
  ["data that was changed", [OPEN, { ...event(1), data: eventData("life", 1).slice(0, -1) }]],
  ["the data of another event", [OPEN, { ...event(1), data: eventData("life", 2) }]],
  ["an end before the last event", [OPEN, event(1), end(2)]],
  ["an end with the wrong number", [OPEN, event(1, "life", true), end(3)]],
  ["an event before `stream.open`", [event(1)]],
  ["an unknown control event", [OPEN, { event: "stream.unknown", data: "{}" }]],
])("%s is found", (_, blocks) => {
  expect(() => check(...blocks)).toThrow(Violation);
});

test("a 204 before an end is found", () => {
  expect(() => check(OPEN, event(1)).noContent()).toThrow("204 before an end");
});
