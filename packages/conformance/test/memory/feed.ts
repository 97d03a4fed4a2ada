import type { Gauges } from "@holdfast/core";

/*
 * What the server and the tests agree on: the feed's events, and the names of frameworks.
 */

export type Framework = "node-http" | "express" | "hono";

/** Bytes that the feed retains. */
export const BUFFER = 1 << 20;
/** Bytes of an event's data. */
export const SIZE = 16 << 10;

/** The gauges of an empty registry. */
export const EMPTY: Gauges = { connections: 0, waiting: 0, streams: 0, lingering: 0, bytes: 0 };

/** The data of an event: one letter repeated, and at the end the event's number. */
export function dataOf(seq: number): string {
  return String(seq).padStart(SIZE, letterOf(seq));
}

export function letterOf(seq: number): string {
  return String.fromCharCode("a".charCodeAt(0) + (seq % 26));
}
