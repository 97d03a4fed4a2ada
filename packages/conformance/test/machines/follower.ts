import { Agent, get, type ClientRequest } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { connect, type ConnectionError } from "@holdfast/client";
import { onTestFinished } from "vitest";
import { framesOf } from "../../src/wire/frames.ts";
import { swiftClock } from "./swift.ts";

/** What a client has seen of a stream or a channel, over all its connections. */
export interface Follower {
  /** The id and the data of each event. */
  readonly events: readonly string[];
  /** How it ended, as often as it was told so. */
  readonly ends: readonly string[];
  /** What it was told is missing. */
  readonly resets: readonly unknown[];
  /** How it stands with the stream: `waiting`, `live` and so on, as often as it was told so. */
  readonly states: readonly string[];
  /** The id of the last event. */
  readonly cursor: string;
  leave(): void;
}

/** Which machine a client is sent to, as a load balancer does it; asked before each attempt. */
export type Route = () => number;

export type Follow = (route: Route, path: string, cursor?: string) => Follower;

/** A client of ours. */
export const followWell: Follow = (route, path, cursor) => {
  const connection = connect(() => `http://127.0.0.1:${route()}${path}`, {
    clock: swiftClock,
    backoff: { base: 250, cap: 1_000 },
    ...(cursor !== undefined && { lastEventId: cursor }),
    onReset: (reset) => void resets.push(reset),
  });
  const [events, ends, resets, states]: [string[], string[], unknown[], string[]] = [[], [], [], []];
  connection.subscribe(({ status }) => void states.push(status));
  void (async () => {
    try {
      for await (const { id, data } of connection) events.push(`${id} ${data}`);
      ends.push("done");
    } catch (error) {
      ends.push((error as ConnectionError).reason);
    }
  })();
  onTestFinished(() => connection.close());
  return {
    events,
    ends,
    resets,
    states,
    get cursor() {
      return connection.lastEventId;
    },
    leave: () => connection.close(),
  };
};

/** A client that knows no more than the standard: it comes back with its cursor until it is told 204. */
export const followPlainly: Follow = (route, path, from = "") => {
  const [events, ends, resets, states]: [string[], string[], unknown[], string[]] = [[], [], [], []];
  let cursor = from;
  let left = false;
  let request: ClientRequest | undefined;

  function take(text: string): void {
    for (const { event, id, data = "" } of framesOf(text)) {
      if (id !== undefined) cursor = id;
      if (event === undefined && id !== undefined) events.push(`${id} ${data}`);
      if (event === undefined || !event.startsWith("stream.")) continue;
      const said = JSON.parse(data) as { readonly state: string; readonly status: string };
      if (event === "stream.reset") resets.push(said);
      else if (event === "stream.end") ends.push(said.status);
      else states.push(event === "stream.open" ? said.state : event.slice("stream.".length));
    }
  }

  /** One request. Whether there may be more. */
  function visit(): Promise<boolean> {
    return new Promise((resolve) => {
      let rest = "";
      const headers = cursor === "" ? {} : { "last-event-id": cursor };
      request = get({ port: route(), path, headers, agent: new Agent() }, (response) => {
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          rest += chunk;
          const whole = rest.lastIndexOf("\n\n") + 2;
          if (whole === 1) return;
          take(rest.slice(0, whole));
          rest = rest.slice(whole);
        });
        response.on("error", () => undefined);
        response.on("close", () => resolve(response.statusCode !== 204));
      });
      request.on("error", () => resolve(true));
    });
  }

  void (async () => {
    while ((await visit()) && !left) await pause(20);
  })();
  const leave = (): void => {
    left = true;
    request?.destroy();
  };
  onTestFinished(leave);
  return {
    events,
    ends,
    resets,
    states,
    get cursor() {
      return cursor;
    },
    leave,
  };
};

/** So many clients, of both kinds. */
export function crowd(count: number, route: Route, path: string): Follower[] {
  return Array.from({ length: count }, (_, index) =>
    (index % 2 === 0 ? followWell : followPlainly)(route, path),
  );
}
