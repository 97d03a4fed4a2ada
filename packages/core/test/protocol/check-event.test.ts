import { expect, test } from "vitest";
import { checkEvent, withoutId } from "../../src/protocol/check-event.ts";
import { encodeEvent } from "../../src/protocol/encode.ts";
import type { SseEvent } from "../../src/protocol/event.ts";
import { createTestRegistry } from "../support/test-registry.ts";
import { createMemoryStore } from "../../src/testing/index.ts";

const invalid = (message: string): unknown =>
  expect.objectContaining({
    code: "INVALID_EVENT",
    expose: false,
    message: expect.stringContaining(message),
  });
const FIELDS = "`comment`, `event`, `id`, `retry` and `data`";

const SHAPES: [string, unknown, string][] = [
  ["an array", [{ data: 1 }], "got an array: push its items one by one"],
  ["an empty array", [], "got an array"],
  [
    "a typed array",
    new Uint8Array([1]),
    "got the bytes of a Uint8Array: push `{ data: new TextDecoder().decode(bytes) }`",
  ],
  ["an empty typed array", new Float64Array(), "got the bytes of a Float64Array"],
  ["a Buffer", Buffer.from("x"), "got the bytes of a Buffer"],
  ["an ArrayBuffer", new ArrayBuffer(2), "got the bytes of an ArrayBuffer"],
  ["a promise", Promise.resolve({ data: 1 }), "got a promise: `await` it first"],
  ["an error", new TypeError("x"), "got TypeError. To tell clients of an error, use `fail(error)`"],
  ["a string", "x", "must be an object, got string"],
  [
    "an unknown field",
    { type: "token", data: 1 },
    `no field "type": its fields are ${FIELDS}. Did you mean \`event\`?`,
  ],
  ["a misspelled field", { evnet: "token" }, "Did you mean `event`?"],
  ["a field of its own", { data: 1, symbol: "ACME" }, 'no field "symbol": its fields'],
  ["a message of Kafka", { key: "k", value: "v", headers: {} }, 'no field "key"'],
  ["none of the fields", {}, `at least one of the fields ${FIELDS}, this one has none`],
];

test.each(SHAPES)("%s is not an event", (_, event, message) => {
  expect(() => checkEvent(event)).toThrow(invalid(message));
});

test.each(SHAPES)("%s is refused wherever events enter", async (_, event, message) => {
  const { registry, clock } = createTestRegistry();
  const stored = createTestRegistry({ store: createMemoryStore({ clock }) }, clock).registry;
  const job = await registry.open("a");
  for (const source of [job, registry.channel("b"), stored.channel("b")]) {
    expect(() => source.push(event as SseEvent)).toThrow(invalid(message));
  }
  await expect(job.end(event as SseEvent)).rejects.toEqual(invalid(message));
  expect(() => encodeEvent(event as SseEvent)).toThrow(invalid(message));
  expect(job.last).toBe(0);
});

test("one field is enough, also an undefined one, an accessor, or one without a prototype", () => {
  class Row {
    get data(): string {
      return "x";
    }
  }
  for (const event of [
    { comment: "" },
    { data: undefined },
    new Row(),
    Object.assign(Object.create(null), { id: "1" }),
  ]) {
    checkEvent(event);
  }
  expect.assertions(0);
});

test("what a library has added to Object.prototype is not a field of an event", () => {
  Object.defineProperty(Object.prototype, "added", { value: 1, enumerable: true, configurable: true });
  try {
    checkEvent({ data: 1 });
  } finally {
    delete (Object.prototype as { added?: number }).added;
  }
  expect.assertions(0);
});

test.each([
  ["a Buffer", Buffer.from("x"), "got the bytes of a Buffer: decode it first"],
  ["a typed array", new Uint16Array(1), "got the bytes of a Uint16Array"],
  ["a DataView", new DataView(new ArrayBuffer(1)), "got the bytes of a DataView"],
  ["an ArrayBuffer", new ArrayBuffer(1), "got the bytes of an ArrayBuffer"],
])("%s is not data", (_, data, message) => {
  expect(() => encodeEvent({ data })).toThrow(invalid(message));
});

test("a plain array is data, and so are bytes inside of other data", () => {
  const text = (data: unknown): string => new TextDecoder().decode(encodeEvent({ data }));
  expect(text([1, 2])).toBe("data: [1,2]\n\n");
  expect(text({ bytes: new Uint8Array([1]) })).toBe('data: {"bytes":{"0":1}}\n\n');
});

test("`withoutId` leaves out the id of a database row, whatever it is", () => {
  expect(withoutId({ id: 5, event: "a", data: 1 } as never)).toEqual({ event: "a", data: 1 });
  expect(withoutId({ id: "x" })).toEqual({ data: undefined });
  expect(() => withoutId("text" as never)).toThrow(invalid("got string"));
});
