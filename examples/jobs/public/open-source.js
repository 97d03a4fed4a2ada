import { ResilientEventSource } from "@holdfast/client";

/** @typedef {"holdfast" | "native"} Client */

/** Names of the clients in the log. @type {Readonly<Record<Client, string>>} */
export const NAMES = { holdfast: "holdfast", native: "EventSource" };

/**
 * Follows a stream from after a cursor. When it reconnects, either client sends `Last-Event-ID`. A new `EventSource`
 * cannot set that header, so it sends its cursor in the query as `lastEventId`.
 *
 * @param {Client} client
 * @param {string} url
 * @param {string} lastEventId empty to start with the first event
 * @returns {EventSource} the native one or `ResilientEventSource`, which has the same interface
 */
export function openSource(client, url, lastEventId) {
  if (client === "holdfast") return new ResilientEventSource(url, { lastEventId });
  return new EventSource(lastEventId === "" ? url : `${url}?lastEventId=${lastEventId}`);
}
