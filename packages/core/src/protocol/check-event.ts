import { HoldfastError } from "../base/errors.ts";
import { nearestName } from "../base/nearest-name.ts";
import type { SseEvent } from "./event.ts";

const FIELDS = ["comment", "event", "id", "retry", "data"] as const satisfies readonly (keyof SseEvent)[];

/** Fields of other libraries' events, which mean one of ours. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  type: "event",
  name: "event",
  lastEventId: "id",
  message: "data",
  payload: "data",
  value: "data",
};

/**
 * Checks the shape of an event: an object with one of the fields at least, and with no other. Called for every push.
 *
 * @throws `INVALID_EVENT`, which says what to do
 */
export function checkEvent(event: unknown): asserts event is SseEvent {
  if (typeof event !== "object" || event === null || event instanceof Error) throw notAnEvent(event);
  let hasField = false;
  // Not `Object.keys`, which allocates.
  for (const key in event) {
    if (key === "data" || key === "event" || key === "id" || key === "comment" || key === "retry")
      hasField = true;
    else if (!(key in Object.prototype)) throw notAnEvent(event, key);
  }
  // The fields of an instance of a class may be accessors, which are not enumerable.
  if (!hasField && !FIELDS.some((field) => field in event)) throw notAnEvent(event);
}

/**
 * An event whose id is assigned later: a database row often has a field `id`, which is not an event id.
 *
 * @throws `INVALID_EVENT`
 */
export function withoutId(event: SseEvent): SseEvent {
  checkEvent(event);
  const { id: _id, data, ...fields } = event;
  return { ...fields, data };
}

/** Clients get text: bytes as `data` are most often text that nobody has decoded. */
export function checkNoBytes(data: unknown): void {
  if (ArrayBuffer.isView(data)) throw bytesError(data);
}

/** An empty JSON object: what an `ArrayBuffer` is turned into. */
export function checkNoBuffer(data: unknown): void {
  if (tagOf(data) === "ArrayBuffer" || tagOf(data) === "SharedArrayBuffer") throw bytesError(data);
}

function bytesError(data: unknown): HoldfastError {
  return invalidEvent(
    `\`data\` must be text or a value for JSON, got ${describe(data)}: decode it first (\`new TextDecoder().decode(bytes)\`), or send it as base64.`,
  );
}

function notAnEvent(event: unknown, unknownKey?: string): HoldfastError {
  const expected = "An event must be an object such as `{ data: … }`";
  const got = `got ${describe(event)}`;
  if (event instanceof Error) {
    return invalidEvent(
      `An event must be an object, ${got}. To tell clients of an error, use \`fail(error)\`.`,
    );
  }
  if (typeof event !== "object" || event === null) return invalidEvent(`An event must be an object, ${got}.`);
  if (ArrayBuffer.isView(event) || tagOf(event) === "ArrayBuffer") {
    return invalidEvent(`${expected}, ${got}: push \`{ data: new TextDecoder().decode(bytes) }\`.`);
  }
  if (Array.isArray(event))
    return invalidEvent(`${expected}, ${got}: push its items one by one, or \`{ data: array }\`.`);
  if (typeof (event as Partial<PromiseLike<unknown>>).then === "function") {
    return invalidEvent(`${expected}, ${got}: \`await\` it first.`);
  }
  const fields = "`comment`, `event`, `id`, `retry` and `data`";
  if (unknownKey === undefined) {
    return invalidEvent(`An event has at least one of the fields ${fields}, this one has none.`);
  }
  const meant = OTHER_WORDS[unknownKey] ?? nearestName(unknownKey, FIELDS, 2);
  const hint = meant === undefined ? "Put it into `data`" : `Did you mean \`${meant}\``;
  const end = meant === undefined ? "." : "?";
  return invalidEvent(
    `An event has no field ${JSON.stringify(unknownKey.slice(0, 64))}: its fields are ${fields}. ${hint}${end}`,
  );
}

/** The kind of a value, never its content. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (value instanceof Error) return value.name;
  if (typeof value !== "object") return typeof value;
  if (Array.isArray(value)) return "an array";
  if (typeof (value as Partial<PromiseLike<unknown>>).then === "function") return "a promise";
  // Node's `Buffer` is a `Uint8Array`.
  if (ArrayBuffer.isView(value)) return `the bytes of a ${value.constructor.name}`;
  if (tagOf(value) === "ArrayBuffer") return "the bytes of an ArrayBuffer";
  return tagOf(value) === "SharedArrayBuffer" ? "the bytes of a SharedArrayBuffer" : "object";
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** Not exposed: the message quotes the value, and clients see the error if it fails a stream. */
export function invalidEvent(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("INVALID_EVENT", message, { cause, expose: false });
}
