import { EventSourceParserStream } from "eventsource-parser/stream";

export interface Received {
  readonly id: string | undefined;
  readonly event: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- the tests assert what it is
  readonly data: any;
}

/** Follows a stream over HTTP until the server ends the response or the caller stops iterating. */
export async function* follow(
  url: string,
  lastEventId?: string,
  onRetry?: (delay: number) => void,
): AsyncGenerator<Received> {
  const abort = new AbortController();
  const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  const { body } = await fetch(url, { headers, signal: abort.signal });
  if (body === null) throw new Error(`No stream at ${url}`);
  try {
    const events = body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream(onRetry && { onRetry }));
    for await (const { id, event = "message", data } of events) yield { id, event, data: JSON.parse(data) };
  } finally {
    abort.abort();
  }
}

/** All events of a stream until the server ends the response. */
export async function followToEnd(url: string, lastEventId?: string): Promise<Received[]> {
  return Array.fromAsync(follow(url, lastEventId));
}

/** The events of the application, without the control events (`stream.*`). */
export function applicationEvents(received: readonly Received[]): Received[] {
  return received.filter(({ event }) => !event.startsWith("stream."));
}
