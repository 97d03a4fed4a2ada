import { backoff } from "../base/backoff.ts";
import type { Clock } from "../base/clock.ts";
import { sleep, withTimeout } from "./with-timeout.ts";

export interface PubSubEvents {
  message(channel: string, payload: string): void;
  /** The connection has closed, or could not be opened. May be called more than once. */
  closed(error: Error): void;
}

/** A connection for Pub/Sub. It is used once: it MUST NOT reconnect by itself. */
export interface PubSubConnection {
  connect(): Promise<unknown>;
  subscribe(channels: string[]): Promise<unknown>;
  unsubscribe(channels: string[]): Promise<unknown>;
  /** Resolves when the server has answered, which proves that the connection is alive. */
  ping(): Promise<unknown>;
  /** MUST NOT throw. */
  close(): void;
}

export interface SubscriberOptions {
  readonly connector: { createPubSub(events: PubSubEvents): PubSubConnection };
  /** The channels to subscribe to, as keys. The owner changes the map, then calls `update`. */
  readonly wanted: ReadonlyMap<string, unknown>;
  /** How long the server may take for an answer, and how long the connection may be silent before a ping, in ms. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onMessage: (channel: string, payload: string) => void;
  /** Messages of this channel arrive from now on; without a name, those of all wanted channels. */
  readonly onSubscribed: (channel: string | undefined) => void;
  /** The connection failed. Not called again until a connection has succeeded. */
  readonly onFailure: (error: unknown) => void;
}

/** Keeps one Pub/Sub connection subscribed to the wanted channels. */
export interface Subscriber {
  start(): void;
  /** Subscribes to the channel, or unsubscribes from it, if that is no longer as wanted. */
  update(channel: string): void;
  stop(): void;
}

const reconnectDelay = backoff({ base: 100, cap: 5_000 });

/**
 * A failed connection is replaced by a new one, so that nothing depends on how a library reconnects. One command at a
 * time changes the subscriptions; channels that change meanwhile go into the next command together.
 */
export function createSubscriber(options: SubscriberOptions): Subscriber {
  const { connector, wanted, timeout, clock, random } = options;
  let changed = new Set<string>();
  let wake: () => void = () => undefined;
  /** Aborts the present connection; `undefined` while stopped. */
  let current: AbortController | undefined;

  /** Serves one connection. Rejects when that has failed or `connection` aborts. */
  async function serve(connection: AbortController, onReady: () => void): Promise<never> {
    const { signal } = connection;
    const pubSub: PubSubConnection = connector.createPubSub({
      message: options.onMessage,
      closed: (error) => connection.abort(error),
    });
    const run = (step: () => Promise<unknown>): Promise<unknown> => withTimeout(clock, timeout, step, signal);
    const subscribed = new Set<string>();

    /** Returns the channels that were added. */
    async function applyChanges(channels: Iterable<string>): Promise<readonly string[]> {
      const added: string[] = [];
      const removed: string[] = [];
      for (const channel of channels) {
        if (wanted.has(channel) === subscribed.has(channel)) continue;
        (wanted.has(channel) ? added : removed).push(channel);
      }
      if (added.length > 0) await run(() => pubSub.subscribe(added));
      if (removed.length > 0) await run(() => pubSub.unsubscribe(removed));
      for (const channel of added) subscribed.add(channel);
      for (const channel of removed) subscribed.delete(channel);
      return added;
    }

    try {
      await run(() => pubSub.connect());
      changed = new Set();
      await applyChanges(wanted.keys());
      onReady();
      options.onSubscribed(undefined);
      for (;;) {
        if (changed.size === 0) {
          await sleep(clock, timeout, signal, (stopSleeping) => {
            wake = stopSleeping;
          });
        }
        if (changed.size === 0) await run(() => pubSub.ping());
        const channels = changed;
        changed = new Set();
        for (const channel of await applyChanges(channels)) options.onSubscribed(channel);
      }
    } finally {
      pubSub.close();
    }
  }

  async function connectUntilStopped(first: AbortController): Promise<void> {
    let failures = 0;
    let connection = first;
    while (current === connection) {
      try {
        if (failures > 0) await sleep(clock, reconnectDelay(failures - 1, random()), connection.signal);
        await serve(connection, () => {
          failures = 0;
        });
      } catch (error) {
        if (current !== connection) return;
        if (failures === 0) options.onFailure(error);
        failures++;
        connection = current = new AbortController();
      }
    }
  }

  return {
    start() {
      if (current !== undefined) return;
      current = new AbortController();
      void connectUntilStopped(current);
    },
    update(channel) {
      changed.add(channel);
      wake();
    },
    stop() {
      const stopped = current;
      current = undefined;
      stopped?.abort(new Error("The subscriber was stopped."));
    },
  };
}
