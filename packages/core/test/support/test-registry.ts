import type { Observer } from "../../src/protocol/observer.ts";
import type { ServeOptions } from "../../src/connection/serve-options.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import type { Registry, RegistryOptions } from "../../src/registry/types.ts";
import { serve } from "../../src/connection/serve.ts";
import type { Source } from "../../src/connection/source.ts";
import { decodeFrames } from "../../src/protocol/decode.ts";
import {
  createFakeClock,
  createMemoryClient,
  type FakeClock,
  type MemoryClient,
  type MemoryClientOptions,
} from "../../src/testing/index.ts";

type ObserverCalls = { readonly [Name in keyof Observer]-?: Parameters<NonNullable<Observer[Name]>>[0][] };

/** A registry on a fake clock, with a record of every call of its observer. */
export interface TestRegistry {
  readonly clock: FakeClock;
  readonly registry: Registry;
  /** Every call of the observer, by the name of its method, in order. */
  readonly observed: ObserverCalls;
  /** Serves `source` to a new in-memory client. */
  readonly connect: (
    source: Source | string,
    options?: MemoryClientOptions & { readonly serve?: ServeOptions; readonly url?: string },
  ) => TestClient;
}

/** An in-memory client that parses its response. */
export interface TestClient extends MemoryClient {
  /** Resolves when the response has ended. */
  readonly over: Promise<void>;
  /** The parsed blocks; a block without data is left out. */
  readonly blocks: [event: string, id: string | undefined, data: unknown][];
  /** The data of all events that are not control events. */
  readonly events: unknown[];
}

export function createTestRegistry(
  options: RegistryOptions = {},
  clock: FakeClock = createFakeClock(),
): TestRegistry {
  const observed: ObserverCalls = {
    connectionOpened: [],
    pushed: [],
    delivered: [],
    heartbeat: [],
    connectionClosed: [],
    streamOpened: [],
    streamEnded: [],
    replayed: [],
    reset: [],
    warned: [],
    failed: [],
  };
  const observer = Object.fromEntries(
    Object.entries(observed).map(([name, list]) => [name, (info: never) => void list.push(info)]),
  );
  const registry = createRegistry({ clock, random: () => 0.5, observer, ...options });
  return {
    clock,
    registry,
    observed,
    connect(source, { serve: serveOptions, url, ...clientOptions } = {}) {
      const client = createMemoryClient(clientOptions);
      const served = typeof source === "string" ? registry.stream(source) : source;
      const over = serve({ ...client.request, url }, client.open, served, {
        clock,
        random: () => 0.5,
        observer,
        ...serveOptions,
      });
      return testClient(client, over);
    },
  };
}

function testClient(client: MemoryClient, over: Promise<void>): TestClient {
  const blocks = (): TestClient["blocks"] =>
    decodeFrames(new TextEncoder().encode(client.text)).flatMap(({ event, id, data }) =>
      data === undefined ? [] : [[event, id, parse(data)]],
    );
  return Object.defineProperties(client, {
    over: { value: over },
    blocks: { get: blocks },
    events: { get: () => blocks().flatMap(([event, , data]) => (event.startsWith("stream.") ? [] : [data])) },
  }) as TestClient;
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
