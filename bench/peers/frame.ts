/** An event by hand: our data is one line. */
export function frame(data: string, id?: number): string {
  return id === undefined ? `data: ${data}\n\n` : `id: ${id}\ndata: ${data}\n\n`;
}

export const HEARTBEAT = ":\n\n";

export const HEADERS = { "content-type": "text/event-stream", "cache-control": "no-cache" };

/** What a client has missed of the history. */
export function missed<Item>(
  history: readonly Item[],
  lastEventId: string | null | undefined,
): readonly Item[] {
  const seen = Number(lastEventId ?? 0);
  return seen === 0 ? history : history.slice(seen);
}
