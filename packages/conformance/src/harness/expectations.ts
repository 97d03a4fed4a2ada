import assert from "node:assert/strict";
import type { Client } from "../wire/client.ts";

/** The headers of a stream. */
export const STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};
/** The headers of a response without a stream. */
export const EMPTY_RESPONSE_HEADERS = { "cache-control": "no-store" };

export const TERMINAL_ID = "0123456789.7.end";

/** Asserts that a response has these headers; the server may add others. */
export function assertHeaders({ headers }: Client, expected: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(expected)) assert.equal(headers[name], value, name);
}

export function assertRetry(retry: string | undefined, min = 1_000, max = 2_000): void {
  assert(Number(retry) >= min && Number(retry) <= max, `retry: ${retry}`);
}

/** The numbers from `from` to `to` as texts. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
}
