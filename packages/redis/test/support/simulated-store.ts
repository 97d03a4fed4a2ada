import { createHash } from "node:crypto";
import type { Store } from "@holdfast/core";
import type { Redis } from "ioredis";
import type { SimulatedStore } from "../../../core/test/model/store/simulation.ts";
import { type HintBarrier, PendingCalls, settlingClock } from "../../../core/test/support/pending-calls.ts";
import { redisStore } from "../../src/index.ts";
import type { CommandArgument } from "../../src/connectors/connector.ts";
import type { IoredisBufferCommands } from "../../src/connectors/ioredis.ts";

type Client = Redis & IoredisBufferCommands;

/** Holds the time of the simulation, in ms. */
const TIME_KEY = "simulated-time";
const TIME = "redis.call('TIME')";
const SIMULATED_TIME = `(function()
  local ms = tonumber(redis.call('GET', '${TIME_KEY}'))
  return { math.floor(ms / 1000), ms % 1000 * 1000 }
end)()`;

let simulations = 0;

/**
 * A store on a real Redis for simulated processes: three connections, whose scripts take the time from the clock of the
 * simulation. That clock lets no time pass before every call is answered and every hint has arrived.
 *
 * @param clients of a Redis that nobody else uses; at most one simulation at a time
 */
export function simulatedRedisStore(clients: readonly Redis[]): SimulatedStore & { close(): void } {
  const [admin] = clients as [Redis];
  const prefix = `simulation-${++simulations}:`;
  const calls = new PendingCalls(hintBarrier);
  const clock = settlingClock(() => calls.settle());
  const stores = clients.map((client) =>
    calls.watch(
      redisStore({
        client: withTime(client as Client, () => clock.now()),
        connector: "ioredis",
        prefix,
      }),
    ),
  );
  let next = 0;
  return {
    clock,
    connect: () => stores[next++ % stores.length] as Store,
    async trim(id, keep) {
      await admin.xtrim(`${prefix}{${id}}:s`, "MAXLEN", keep);
    },
    async flush() {
      await admin.flushall();
      await admin.set(TIME_KEY, clock.now());
    },
    async copy() {
      const keys = await admin.keys(`${prefix}*`);
      const dumps = await Promise.all(keys.map((key) => admin.dumpBuffer(key)));
      return async () => {
        // At once, as a failover is: calls that are on their way would write to keys that are yet to be restored.
        const transaction = admin.multi().flushall().set(TIME_KEY, clock.now());
        for (const [index, key] of keys.entries()) transaction.restore(key, 0, dumps[index] as Buffer);
        for (const [error] of (await transaction.exec()) ?? []) if (error !== null) throw error;
      };
    },
    close: () => calls.close(),
  };
}

/** A client whose scripts have the time of the simulation. */
function withTime(client: Client, now: () => number): Client {
  /** The hashes of the scripts that were sent, by those of the texts that the store has. */
  const hashes = new Map<string, string>();
  let sent: number | undefined;
  const setTime = (): void => {
    if (sent === now()) return;
    sent = now();
    void client.set(TIME_KEY, sent);
  };
  const wrapped: Partial<Record<keyof Client, unknown>> = {
    async evalshaBuffer([hash, ...args]: CommandArgument[]) {
      const known = hashes.get(String(hash));
      if (known === undefined) throw new Error("NOSCRIPT");
      setTime();
      return client.evalshaBuffer([known, ...args]);
    },
    async evalBuffer([text, ...args]: CommandArgument[]) {
      const changed = String(text).replace(TIME, SIMULATED_TIME);
      hashes.set(sha1(String(text)), sha1(changed));
      setTime();
      return client.evalBuffer([changed, ...args]);
    },
  };
  return new Proxy(client, {
    get: (target, name) => {
      const value: unknown = wrapped[name as keyof Client] ?? Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

function sha1(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}

/** Redis confirms a subscription behind the messages that were published before it. */
function hintBarrier(store: Store): HintBarrier {
  let waits = 0;
  const resolvers = new Map<string, () => void>();
  const wake = store.wake([], (id) => {
    if (id !== undefined) resolvers.get(id)?.();
    // The connection is new: everything is subscribed to.
    else for (const resolve of resolvers.values()) resolve();
  });
  return {
    async wait() {
      const id = `barrier-${++waits}`;
      await new Promise<void>((resolve) => {
        resolvers.set(id, resolve);
        wake.add(id);
      });
      resolvers.delete(id);
      wake.delete(id);
    },
    close: () => wake.close(),
  };
}
