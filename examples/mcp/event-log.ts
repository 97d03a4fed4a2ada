import type { EventStore } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";

type Message = Parameters<EventStore["storeEvent"]>[1];

/** How many messages of a session are kept for a client that comes back. */
const KEPT = 1_000;

/** What a session said last: a client whose connection broke off is told what it missed. */
export function createEventLog(): EventStore {
  const events: { readonly id: string; readonly stream: string; readonly message: Message }[] = [];
  let stored = 0;
  const placeOf = (lastId: string): number => events.findIndex(({ id }) => id === lastId);
  return {
    async storeEvent(stream, message) {
      const id = String(++stored);
      events.push({ id, stream, message });
      if (events.length > KEPT) events.shift();
      return id;
    },
    async getStreamIdForEventId(lastId) {
      return events[placeOf(lastId)]?.stream;
    },
    async replayEventsAfter(lastId, { send }) {
      const from = placeOf(lastId);
      const { stream } = events[from] ?? { stream: "" };
      for (const event of events.slice(from + 1)) {
        // The first event of a response has an id, and nothing to say.
        if (event.stream === stream && "jsonrpc" in event.message) await send(event.id, event.message);
      }
      return stream;
    },
  };
}
