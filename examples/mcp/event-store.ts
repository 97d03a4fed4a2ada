import type { EventStore } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";

type Message = Parameters<EventStore["storeEvent"]>[1];

/** Number of messages that a session keeps for clients that reconnect. */
const MAX_EVENTS = 1_000;

/** Keeps the last messages of a session, so that a client that lost its connection gets what it missed. */
export function createEventStore(): EventStore {
  const events: { readonly id: string; readonly stream: string; readonly message: Message }[] = [];
  let stored = 0;
  const indexOf = (lastId: string): number => events.findIndex(({ id }) => id === lastId);
  return {
    async storeEvent(stream, message) {
      const id = String(++stored);
      events.push({ id, stream, message });
      if (events.length > MAX_EVENTS) events.shift();
      return id;
    },
    async getStreamIdForEventId(lastId) {
      return events[indexOf(lastId)]?.stream;
    },
    async replayEventsAfter(lastId, { send }) {
      const index = indexOf(lastId);
      const { stream } = events[index] ?? { stream: "" };
      for (const event of events.slice(index + 1)) {
        // The first event of each response has an id and no message.
        if (event.stream === stream && "jsonrpc" in event.message) await send(event.id, event.message);
      }
      return stream;
    },
  };
}
