import { connect, type ConnectionState } from "@holdfast/client";
import { EventSource } from "eventsource";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { deadline } from "../../src/wire/deadline.ts";
import { turns } from "../support/turns.ts";
import { closedServerUrl, startScriptedServer } from "./scripted-server.ts";
import { ADVERSARIES, type Server, SERVERS } from "./servers.ts";

// Covers packages/client/src over real HTTP: how often it asks, beside an EventSource.

/** An EventSource that reconnects waits for 3 s, unless the server sends `retry:`. */
const RECONNECTING = 2;
const STEP = 100;

/** A client of a server, in simulated time. */
interface Asking {
  readonly name: string;
  /** How many requests it has made. */
  readonly requests: number;
  /** Whether nothing happens before time passes. */
  readonly isIdle: () => boolean;
  /** Whether it makes no more requests. */
  readonly hasGivenUp: () => boolean;
}

// Both clients take their time from here. What the network does takes none.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
afterEach(() => void vi.useRealTimers());

test("the client makes at most twice as many requests in five seconds as an EventSource", async () => {
  // An EventSource reads an endless line up to 100 MiB.
  const servers = [...SERVERS, ...ADVERSARIES].filter(({ does }) => does !== "an endless line");
  const clients = await Promise.all(
    servers.map(async (server) => {
      const { url } = server.answer
        ? await startScriptedServer(server.answer)
        : { url: await closedServerUrl() };
      return [server, startEventSource(url, server), startClient(url, server)] as const;
    }),
  );
  const both = clients.flatMap(([, ...pair]) => pair);
  for (let passed = 0; passed < 5_000; passed += STEP) {
    await untilIdle(both);
    vi.advanceTimersByTime(STEP);
  }
  await untilIdle(both);
  const rows = clients.map(([{ does }, native, ours]) => {
    const gaveUp = native.hasGivenUp() ? ", which gives up" : "";
    return { does, native: native.requests, gaveUp, ours: ours.requests };
  });
  for (const { does, native, gaveUp, ours } of rows)
    console.log(`${does}: ${ours} beside ${native} of an EventSource${gaveUp}`);
  // Where an EventSource gives up, ours must not ask more often than where it does not.
  const tooMany = rows.filter(
    ({ native, gaveUp, ours }) => ours > 2 * (gaveUp ? Math.max(native, RECONNECTING) : native),
  );
  expect(tooMany).toEqual([]);
  expect(rows.filter(({ gaveUp, native }) => gaveUp === "" && native > 1).length).toBeGreaterThan(8);
});

/** A client of ours, whose jitter shortens each delay as much as it can. */
function startClient(url: string, { does, waits }: Server): Asking {
  let requests = 0;
  const connection = connect(url, {
    random: () => 0,
    fetch(...request) {
      requests++;
      return fetch(...request);
    },
  });
  onTestFinished(connection.close);
  // The error is in its state too.
  Array.fromAsync(connection).catch(() => undefined);
  const isIn = (...statuses: (ConnectionState["status"] | undefined)[]): boolean =>
    statuses.includes(connection.state.status);
  return {
    name: `The client of a server that does "${does}"`,
    get requests() {
      return requests;
    },
    isIdle: () => requests > 0 && isIn("closed", "retrying", waits?.[0]),
    hasGivenUp: () => isIn("closed"),
  };
}

function startEventSource(url: string, { does, waits }: Server): Asking {
  let requests = 0;
  let errors = 0;
  const source = new EventSource(url, {
    fetch(...request) {
      requests++;
      return fetch(...request);
    },
  });
  onTestFinished(() => source.close());
  source.addEventListener("error", (event) => {
    // An event of the stream may have this name, too.
    if (!("data" in event)) errors++;
  });
  const hasGivenUp = (): boolean => source.readyState === source.CLOSED;
  const isWaiting = (): boolean =>
    waits?.[0] === "connecting" || (waits?.[0] === "open" && source.readyState === source.OPEN);
  return {
    name: `The EventSource of a server that does "${does}"`,
    get requests() {
      return requests;
    },
    isIdle: () => hasGivenUp() || errors === requests || isWaiting(),
    hasGivenUp,
  };
}

async function untilIdle(clients: readonly Asking[]): Promise<void> {
  const end = performance.now() + deadline.ms;
  for (const { isIdle, name } of clients) {
    while (!isIdle()) {
      if (performance.now() > end) throw new Error(`${name} does not become idle.`);
      await turns(1);
    }
  }
}
