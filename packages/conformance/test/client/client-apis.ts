import type * as Client from "@holdfast/client";

/** What a client received from a stream of steps and notes. */
export interface ReceivedStream {
  readonly events: { readonly id: string; readonly event: string; readonly data: unknown }[];
  readonly resets: unknown[];
  /** The last one. */
  readonly state: Client.ConnectionState;
}

/** A stream that a client is reading. */
export interface OpenStream {
  /** Resolves when the client has received everything that existed when it connected. */
  readonly live: Promise<void>;
  /** Resolves at the end of the stream. */
  readonly finished: Promise<ReceivedStream>;
  readonly close: () => void;
}

/** The data of a `step`, which is JSON; the data of a `note` is text. */
interface Step {
  readonly number: number;
}

/**
 * Reads a stream with one of the client's APIs. Runs in the test, or as a string in a page: it MUST NOT refer to anything
 * outside. No delay is above a second, because `shortDelays` shortens only those.
 */
export type ClientApi = (client: typeof Client, url: string, clock: Client.Timers) => OpenStream;

export const readWithConnect: ClientApi = ({ connect, json, text }, url, clock) => {
  const events: ReceivedStream["events"] = [];
  const resets: ReceivedStream["resets"] = [];
  const connection = connect(url, {
    events: { step: json<Step>(), note: text },
    onReset: (reset) => resets.push(reset),
    backoff: { cap: 1_000 },
    random: () => 0,
    clock,
  });
  const readToTheEnd = async (): Promise<ReceivedStream> => {
    for await (const { id, event, data } of connection) events.push({ id, event, data });
    return { events, resets, state: connection.state };
  };
  return {
    live: new Promise((resolve) => {
      connection.subscribe(({ status }) => status === "live" && resolve());
    }),
    finished: readToTheEnd(),
    close: connection.close,
  };
};

export const readWithEventSource: ClientApi = ({ ResilientEventSource }, url, clock) => {
  const events: ReceivedStream["events"] = [];
  const resets: ReceivedStream["resets"] = [];
  const source = new ResilientEventSource(url, { backoff: { cap: 1_000 }, random: () => 0, clock });
  for (const event of ["step", "note"]) {
    source.addEventListener(event, ({ data, lastEventId: id }) => {
      events.push({ id, event, data: event === "step" ? (JSON.parse(data) as Step) : data });
    });
  }
  source.addEventListener("stream.reset", ({ data }) => resets.push(JSON.parse(data)));
  return {
    live: new Promise((resolve) => source.addEventListener("stream.live", () => resolve())),
    finished: new Promise((resolve) => {
      source.addEventListener("error", () => {
        if (source.readyState === source.CLOSED) resolve({ events, resets, state: source.state });
      });
    }),
    close: () => source.close(),
  };
};
