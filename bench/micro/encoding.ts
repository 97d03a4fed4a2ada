import { createRegistry, encodeEvent } from "@holdfast/core";
import { createEventBuffer } from "better-sse";
// The log that `push` appends to, without a registry around it.
import { Log } from "../../packages/core/src/log/log.ts";
import type { Figures } from "../harness/workload.ts";
import { nanosecondsPerCall } from "./cpu-time.ts";

const encoder = new TextEncoder();
const OBJECT = { id: 12_345, name: "somebody", text: "x".repeat(57) };
const LINES = `${"x".repeat(63)}\n`.repeat(64).trimEnd();

/** Measures an encoder with each kind of data. */
function figuresOf(encode: (data: unknown) => unknown, suffix = ""): Record<string, Figures> {
  return {
    [`an object, 100 B of JSON${suffix}`]: { ns: nanosecondsPerCall(() => encode(OBJECT)) },
    [`text of 4 KiB in 64 lines${suffix}`]: { ns: nanosecondsPerCall(() => encode(LINES)) },
  };
}

/** Encoding without a library. Correct only for data without a CR. */
function template(data: unknown): string {
  if (typeof data !== "string") return `data: ${JSON.stringify(data)}\n\n`;
  return `${data
    .split("\n")
    .map((line) => `data: ${line}`)
    .join("\n")}\n\n`;
}

function encodeWithBetterSse(data: unknown): string {
  const serializer = typeof data === "string" ? String : JSON.stringify;
  return createEventBuffer({ serializer }).push(data).read();
}

/** Encoders that return the bytes of one event. */
export const toBytes = {
  template: () => figuresOf((data) => encoder.encode(template(data))),
  encodeEvent: () => figuresOf((data) => encodeEvent({ data })),
  "better-sse event buffer": () => figuresOf((data) => encoder.encode(encodeWithBetterSse(data))),
};

const SLAB = ", into a slab";

/** Encoders that write events with ids one after another into a larger buffer. */
export const toSlabs = {
  "template into a slab"() {
    let slab = new Uint8Array(65_536);
    let used = 0;
    let count = 0;
    return figuresOf((data) => {
      if (used > 60_000) {
        slab = new Uint8Array(65_536);
        used = 0;
      }
      used += encoder.encodeInto(`id: epoch.${++count}\n${template(data)}`, slab.subarray(used)).written;
    }, SLAB);
  },
  "append to a log"() {
    const log = new Log("epoch", { events: 16_384, bytes: 2 ** 20, maxEventBytes: 2 ** 18 });
    return figuresOf((data) => log.append({ data }), SLAB);
  },
  async "push to a stream"() {
    const stream = await createRegistry().open("encode");
    return figuresOf((data) => stream.push({ data }), SLAB);
  },
};
