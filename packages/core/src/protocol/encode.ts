import { checkEvent, describe, invalidEvent } from "./check-event.ts";
import type { SseEvent } from "./event.ts";
import { toJson } from "./json-data.ts";

/*
 * The only code that writes an event stream (WHATWG HTML, 9.2.5 and 9.2.6). It throws for what it cannot encode, and
 * never repairs it, except that the encoder of UTF-8 writes a lone surrogate in data and comments as U+FFFD: text that was
 * cut in the middle of a character is no reason to fail a job.
 */

const encoder = new TextEncoder();
const FORBIDDEN = /[\r\n\0]/;
const LINE_END = /\r\n|\r|\n/;
const RESERVED = "stream.";

/** A heartbeat: an empty comment, which every client ignores. */
export const HEARTBEAT: Uint8Array = encoder.encode(":\n\n");

/**
 * Encodes an event as one block of an event stream (WHATWG HTML, 9.2.6), in UTF-8. Write the bytes whole.
 *
 * @throws `INVALID_EVENT` for anything that is not an object of these fields; CR, LF, NUL or a lone surrogate in `event` or
 * `id`; a name that begins with `stream.`; a `retry` that is not a non-negative integer; and data that JSON cannot represent
 *
 * @example
 * sink.write(encodeEvent({ event: "price", data: { price: 12.5 } })); // event: price\ndata: {"price":12.5}\n\n
 */
export function encodeEvent(event: SseEvent): Uint8Array {
  return encoder.encode(eventText(event));
}

/**
 * Encodes a comment block, which clients ignore: one line that begins with `: ` for each line of `text`; without `text`
 * the empty comment that is holdfast's heartbeat.
 */
export function encodeComment(text?: string): Uint8Array {
  return text === undefined ? HEARTBEAT : encoder.encode(`${commentLines(text)}\n`);
}

/** The text of a user event. `id` replaces the event's own, and is not checked. */
export function eventText(event: SseEvent, id?: string): string {
  checkEvent(event);
  const text = block(event, id ?? (event.id === undefined ? undefined : singleLine("id", event.id)));
  if (event.event?.startsWith(RESERVED)) {
    throw invalidEvent(
      `Event names that begin with "${RESERVED}" are reserved, got ${JSON.stringify(event.event)}.`,
    );
  }
  return text + dataLines(event.data);
}

const COLON = 0x3a;
const LF = 0x0a;
const E = 0x65;

/** A copy of a frame with an `id:` line, which comes after comments and `event:`. The frame MUST NOT have one. */
export function withId(frame: Uint8Array, id: string): Uint8Array {
  let position = 0;
  while (frame[position] === COLON || frame[position] === E) position = frame.indexOf(LF, position) + 1;
  const line = encoder.encode(`id: ${id}\n`);
  const bytes = new Uint8Array(frame.length + line.length);
  bytes.set(frame.subarray(0, position));
  bytes.set(line, position);
  bytes.set(frame.subarray(position), position + line.length);
  return bytes;
}

/** The lines of a control event's block that are not part of the event. */
export interface BlockFields {
  readonly id?: string | undefined;
  readonly retry?: number | undefined;
}

/**
 * The text of a block with these fields, and with an event that is dispatched if there is one; "" for an empty block.
 *
 * @throws `INVALID_EVENT`, also for an event with an `id` or `retry` of its own
 */
export function controlText(event: SseEvent | undefined, { id, retry }: BlockFields): string {
  const fields = retry === undefined ? {} : { retry };
  if (event === undefined) {
    return id === undefined && retry === undefined ? "" : `${block(fields, id)}\n`;
  }
  checkEvent(event);
  if (event.id !== undefined || event.retry !== undefined) {
    throw invalidEvent(
      "What `control` returns must have no `id` and no `retry`: the block has those of the control event.",
    );
  }
  return block({ ...event, ...fields }, id) + dataLines(event.data);
}

/** @param id not checked */
function block(event: SseEvent, id: string | undefined): string {
  let text = "";
  if (event.comment !== undefined) text += commentLines(event.comment);
  if (event.event !== undefined) text += `event: ${singleLine("event", event.event)}\n`;
  if (id !== undefined) text += `id: ${id}\n`;
  if (event.retry !== undefined) text += `retry: ${milliseconds(event.retry)}\n`;
  return text;
}

function dataLines(data: unknown): string {
  if (typeof data === "string") return `${prefixed("data: ", data)}\n`;
  return data === undefined ? "data: \n\n" : `data: ${toJson(data)}\n\n`;
}

function commentLines(text: unknown): string {
  return prefixed(": ", string("comment", text));
}

/** Puts `prefix` before each line of `text`. Most text is one line, and searching is cheaper than splitting. */
function prefixed(prefix: string, text: string): string {
  if (!text.includes("\n") && !text.includes("\r")) return `${prefix}${text}\n`;
  return `${prefix}${text.split(LINE_END).join(`\n${prefix}`)}\n`;
}

function singleLine(field: "event" | "id", value: unknown): string {
  const text = string(field, value);
  if (!(text as string & { isWellFormed(): boolean }).isWellFormed()) {
    throw invalidEvent(`\`${field}\` has a lone surrogate, which UTF-8 cannot hold.`);
  }
  if (FORBIDDEN.test(text)) {
    throw invalidEvent(`\`${field}\` must not contain CR, LF or NUL, got ${JSON.stringify(text)}.`);
  }
  return text;
}

function string(field: string, value: unknown): string {
  if (typeof value !== "string") throw invalidEvent(`\`${field}\` must be a string, got ${describe(value)}.`);
  return value;
}

function milliseconds(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  const got = typeof value === "number" ? value : describe(value);
  throw invalidEvent(`\`retry\` must be a non-negative integer, got ${got}.`);
}
