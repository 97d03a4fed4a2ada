import { ResilientEventSource } from "@holdfast/client";

/** @typedef {"holdfast" | "native"} Client */

/** What it is called in a sentence. @type {Readonly<Record<Client, string>>} */
export const NAMES = { holdfast: "holdfast", native: "EventSource" };

/**
 * Follows a stream from behind a cursor. Each of them then comes back by itself with `Last-Event-ID`. An `EventSource`
 * cannot set that header the first time: it says by `?lastEventId=` where it stands.
 *
 * @param {Client} client
 * @param {string} url
 * @param {string} lastEventId empty for the first event
 * @returns {EventSource} the one is as good as the other
 */
export function openSource(client, url, lastEventId) {
  if (client === "holdfast") return new ResilientEventSource(url, { lastEventId });
  return new EventSource(lastEventId === "" ? url : `${url}?lastEventId=${lastEventId}`);
}
