import type { Observer } from "../../src/protocol/observer.ts";
import type { ServeOptions } from "../../src/connection/options.ts";
import { createRegistry, type Registry, type RegistryOptions } from "../../src/registry/registry.ts";
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

type Told = { readonly [Name in keyof Observer]-?: Parameters<NonNullable<Observer[Name]>>[0][] };

/** A registry under a fake clock, with everything that its observer was told. */
export interface House {
  readonly clock: FakeClock;
  readonly registry: Registry;
  readonly told: Told;
  /** A client comes; its answer goes to the memory client. */
  readonly connect: (
    source: Source | string,
    options?: MemoryClientOptions & { readonly serve?: ServeOptions },
  ) => Guest;
}

/** A client with what it makes of its answer. */
export interface Guest extends MemoryClient {
  /** Resolves when the response is over. */
  readonly over: Promise<void>;
  /** Each block as `[event, id, data]`; blocks without data are left out. */
  readonly blocks: [event: string, id: string | undefined, data: unknown][];
  /** The data of the user events. */
  readonly events: unknown[];
}

export function house(options: RegistryOptions = {}, clock: FakeClock = createFakeClock()): House {
  const told: Told = {
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
    Object.entries(told).map(([name, list]) => [name, (info: never) => void list.push(info)]),
  );
  const registry = createRegistry({ clock, random: () => 0.5, observer, ...options });
  return {
    clock,
    registry,
    told,
    connect(source, { serve: served, ...clientOptions } = {}) {
      const client = createMemoryClient(clientOptions);
      const of = typeof source === "string" ? registry.stream(source) : source;
      const over = serve(client.request, client.open, of, { clock, random: () => 0.5, observer, ...served });
      return guest(client, over);
    },
  };
}

function guest(client: MemoryClient, over: Promise<void>): Guest {
  const blocks = (): Guest["blocks"] =>
    decodeFrames(new TextEncoder().encode(client.text))
      .filter(({ data }) => data !== "")
      .map(({ event, id, data }) => [event, id, parse(data)]);
  return Object.defineProperties(client, {
    over: { value: over },
    blocks: { get: blocks },
    events: { get: () => blocks().flatMap(([event, , data]) => (event.startsWith("stream.") ? [] : [data])) },
  }) as Guest;
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
