import type { Clock, StoreHint } from "@holdfast/core";
import { createSubscriber, type Report } from "@holdfast/core/internal";
import { createHintListeners, type HintListeners } from "@holdfast/core/store-kit";
import type { Database } from "../database.ts";
import type { PostgresPool } from "../pool.ts";
import { outboxChannel } from "../sql/index.ts";
import { channelOf, decodePayload } from "./channels.ts";
import { HintSender } from "./hint-sender.ts";
import { createListener } from "./listener.ts";

export interface HintsOptions {
  readonly database: Database;
  readonly listenPool: PostgresPool;
  readonly schema: string;
  /** In ms. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: Report;
  /** Somebody wants hints, or nobody any more. */
  readonly onActive: (isActive: boolean) => void;
  /** A transaction that has pushed was committed. */
  readonly onOutbox: () => void;
}

/** The hints of a store: those of this process at once, and those of others through LISTEN and NOTIFY. */
export interface Hints {
  readonly wake: HintListeners["wake"];
  /** Tells everybody. Resolves when it is sent to other processes. */
  send(key: string, why: StoreHint): Promise<void>;
}

export function createHints(options: HintsOptions): Hints {
  const { database, listenPool, schema, timeout, clock, random, report, onActive, onOutbox } = options;
  const origin = Math.floor(random() * 2 ** 40).toString(36);
  const sender = new HintSender({ database, schema, origin, clock });
  const outbox = outboxChannel(schema);
  /** The channels to listen to, and the keys for which. */
  const wanted = new Map<string, Set<string>>([[outbox, new Set()]]);

  const listeners = createHintListeners({
    onChange(key) {
      const channel = channelOf(schema, key);
      const keys = wanted.get(channel) ?? new Set();
      if (listeners.keys.has(key)) keys.add(key);
      else keys.delete(key);
      if (keys.size > 0) wanted.set(channel, keys);
      else wanted.delete(channel);
      subscriber.update(channel);
      if (listeners.keys.size === 0) return;
      subscriber.start();
      onActive(true);
    },
    onIdle() {
      subscriber.stop();
      onActive(false);
    },
    onError: (error, id) => report("failed", { id, stage: "store", error }),
  });

  const subscriber = createSubscriber({
    connector: {
      createPubSub: (events) =>
        createListener(
          { pool: listenPool, database, pingChannel: `${schema}_ping_${origin}`, timeout, clock },
          events,
        ),
    },
    wanted,
    timeout,
    clock,
    random,
    onMessage(channel, payload) {
      if (channel === outbox) onOutbox();
      else for (const { key, why } of decodePayload(origin, payload)) listeners.notify(key, why);
    },
    // Hints that were sent before are lost, so the listeners have to look.
    onSubscribed(channel) {
      if (channel === undefined) listeners.notifyAll();
      else for (const key of wanted.get(channel) ?? []) listeners.notify(key, "changed");
    },
    onFailure: (error) => report("failed", { id: undefined, stage: "store", error }),
  });

  return {
    wake: listeners.wake,
    send(key, why) {
      listeners.notify(key, why);
      return sender.send(key, why);
    },
  };
}
