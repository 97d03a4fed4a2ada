import type * as Client from "@holdfast/client";

/** What somebody got who followed a stream of steps and notes until it was over. */
export interface Followed {
  readonly events: { readonly id: string; readonly event: string; readonly data: unknown }[];
  readonly resets: unknown[];
  /** The last one. */
  readonly state: Client.ConnectionState;
}

/** Somebody at it. */
export interface Following {
  /** Resolves when the client has everything that was there when it came. */
  readonly live: Promise<void>;
  readonly over: Promise<Followed>;
  readonly close: () => void;
}

/** The data of a `step`, which is JSON; that of a `note` is text. */
interface Step {
  readonly number: number;
}

/**
 * Follows a stream through one face of the client, which waits no longer than the server asks it to. Runs in the test or
 * in a page: it MUST NOT use anything from outside.
 */
export type Face = (client: typeof Client, url: string) => Following;

export const throughConnect: Face = ({ connect, json, text }, url) => {
  const events: Followed["events"] = [];
  const resets: Followed["resets"] = [];
  const connection = connect(url, {
    events: { step: json<Step>(), note: text },
    onReset: (reset) => resets.push(reset),
    random: () => 0,
  });
  const followToTheEnd = async (): Promise<Followed> => {
    for await (const { id, event, data } of connection) events.push({ id, event, data });
    return { events, resets, state: connection.state };
  };
  return {
    live: new Promise((resolve) => {
      connection.subscribe(({ status }) => status === "live" && resolve());
    }),
    over: followToTheEnd(),
    close: connection.close,
  };
};

export const throughEventSource: Face = ({ ResilientEventSource }, url) => {
  const events: Followed["events"] = [];
  const resets: Followed["resets"] = [];
  const source = new ResilientEventSource(url, { random: () => 0 });
  for (const event of ["step", "note"]) {
    source.addEventListener(event, ({ data, lastEventId: id }) => {
      events.push({ id, event, data: event === "step" ? (JSON.parse(data) as Step) : data });
    });
  }
  source.addEventListener("stream.reset", ({ data }) => resets.push(JSON.parse(data)));
  return {
    live: new Promise((resolve) => source.addEventListener("stream.live", () => resolve())),
    over: new Promise((resolve) => {
      source.addEventListener("error", () => {
        if (source.readyState === source.CLOSED) resolve({ events, resets, state: source.state });
      });
    }),
    close: () => source.close(),
  };
};
