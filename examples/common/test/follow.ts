import { EventSourceParserStream } from "eventsource-parser/stream";

export interface Received {
  readonly id: string | undefined;
  readonly event: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the server says; the tests say what it should be
  readonly data: any;
}

/** Follows a stream over HTTP, until the server ends it or the reader stops. */
export async function* follow(url: string, lastEventId?: string): AsyncGenerator<Received> {
  const left = new AbortController();
  const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  const { body } = await fetch(url, { headers, signal: left.signal });
  if (body === null) throw new Error(`No stream at ${url}`);
  try {
    const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    for await (const { id, event = "message", data } of events) yield { id, event, data: JSON.parse(data) };
  } finally {
    left.abort();
  }
}

/** Everything that a stream has for this reader, up to its end. */
export async function followToTheEnd(url: string, lastEventId?: string): Promise<Received[]> {
  return Array.fromAsync(follow(url, lastEventId));
}

/** The job's own events, without what the stream says of itself. */
export function ofTheJob(received: readonly Received[]): Received[] {
  return received.filter(({ event }) => !event.startsWith("stream."));
}
