/** Encodes an event by hand. The data must be a single line. */
export function frame(data: string, id?: number): string {
  return id === undefined ? `data: ${data}\n\n` : `id: ${id}\ndata: ${data}\n\n`;
}

export const HEARTBEAT = ":\n\n";

export const HEADERS = { "content-type": "text/event-stream", "cache-control": "no-cache" };

/** The part of the history after a client's `Last-Event-ID`. */
export function eventsAfter<Item>(
  history: readonly Item[],
  lastEventId: string | null | undefined,
): readonly Item[] {
  const lastId = Number(lastEventId ?? 0);
  return lastId === 0 ? history : history.slice(lastId);
}
