import { Agent, get, type ClientRequest } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { connect, type ConnectionError } from "@holdfast/client";
import { EventSource } from "eventsource";
import { onTestFinished } from "vitest";
import { framesOf } from "../../src/wire/frames.ts";
import { fastClock } from "./fast-clock.ts";

/** What a client received from a stream or a channel, over all its connections. */
export interface RecordingClient {
  /** The id and the data of each event. */
  readonly events: readonly string[];
  /** The status of each end that it received. */
  readonly ends: readonly string[];
  /** The data of each reset. */
  readonly resets: readonly unknown[];
  /** Each state of the stream: `waiting`, `live` and so on. */
  readonly states: readonly string[];
  /** The id of the last event. */
  readonly cursor: string;
  disconnect(): void;
}

/** The port of the server that a client connects to, as a load balancer chooses it; called before each attempt. */
export type Route = () => number;

export type ConnectClient = (route: Route, path: string, cursor?: string) => RecordingClient;

/** Connects with `connect` of our client. */
export const connectClient: ConnectClient = (route, path, cursor) => {
  const connection = connect(() => `http://127.0.0.1:${route()}${path}`, {
    clock: fastClock,
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
    disconnect: () => connection.close(),
  };
};

/** Connects with a client that implements only the standard: it reconnects with its cursor until it receives a 204. */
export const connectStandardClient: ConnectClient = (route, path, from = "") => {
  const [events, ends, resets, states]: [string[], string[], unknown[], string[]] = [[], [], [], []];
  let cursor = from;
  let isDisconnected = false;
  let request: ClientRequest | undefined;

  function record(text: string): void {
    for (const { event, id, data = "" } of framesOf(text)) {
      if (id !== undefined) cursor = id;
      if (event === undefined && id !== undefined) events.push(`${id} ${data}`);
      if (event === undefined || !event.startsWith("stream.")) continue;
      const control = JSON.parse(data) as { readonly state: string; readonly status: string };
      if (event === "stream.reset") resets.push(control);
      else if (event === "stream.end") ends.push(control.status);
      else states.push(event === "stream.open" ? control.state : event.slice("stream.".length));
    }
  }

  /** Sends one request. Resolves to whether the client may send another. */
  function connectOnce(): Promise<boolean> {
    return new Promise((resolve) => {
      let rest = "";
      const headers = cursor === "" ? {} : { "last-event-id": cursor };
      request = get({ port: route(), path, headers, agent: new Agent() }, (response) => {
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          rest += chunk;
          const complete = rest.lastIndexOf("\n\n") + 2;
          if (complete === 1) return;
          record(rest.slice(0, complete));
          rest = rest.slice(complete);
        });
        response.on("error", () => undefined);
        response.on("close", () => resolve(response.statusCode !== 204));
      });
      request.on("error", () => resolve(true));
    });
  }

  void (async () => {
    while ((await connectOnce()) && !isDisconnected) await pause(20);
  })();
  const disconnect = (): void => {
    isDisconnected = true;
    request?.destroy();
  };
  onTestFinished(disconnect);
  return {
    events,
    ends,
    resets,
    states,
    get cursor() {
      return cursor;
    },
    disconnect,
  };
};

/** Connects with the `EventSource` of the package `eventsource`, which never comes back once it has closed. */
export const connectEventSource: ConnectClient = (route, path) => {
  const [events, ends, resets, states]: [string[], string[], unknown[], string[]] = [[], [], [], []];
  const source = new EventSource(`http://127.0.0.1:${route()}${path}`);
  let cursor = "";
  source.addEventListener("message", ({ data, lastEventId }) => {
    cursor = lastEventId;
    events.push(`${lastEventId} ${data}`);
  });
  source.addEventListener("stream.open", ({ data }) => states.push(JSON.parse(data).state));
  source.addEventListener("stream.reset", ({ data }) => resets.push(JSON.parse(data)));
  source.addEventListener("stream.end", ({ data }) => ends.push(JSON.parse(data).status));
  source.addEventListener("error", () => {
    if (source.readyState === source.CLOSED && ends.length === 0) ends.push("dead");
  });
  onTestFinished(() => source.close());
  return {
    events,
    ends,
    resets,
    states,
    get cursor() {
      return cursor;
    },
    disconnect: () => source.close(),
  };
};

/** Connects `count` clients, half of each kind. */
export function connectClients(count: number, route: Route, path: string): RecordingClient[] {
  return Array.from({ length: count }, (_, index) =>
    (index % 2 === 0 ? connectClient : connectStandardClient)(route, path),
  );
}
