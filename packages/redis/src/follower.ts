import { backoff, type Clock } from "@holdfast/core";
import type { RedisPort, Subscriber } from "./port.ts";
import { createSteps, type Steps } from "./steps.ts";

interface FollowerOptions {
  readonly port: RedisPort;
  /** The channels that are wanted at the moment. */
  readonly wanted: ReadonlyMap<string, unknown>;
  readonly timeout: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly message: (channel: string, payload: string) => void;
  /** From now on messages of this channel are heard; of every wanted one without a name. */
  readonly heard: (channel: string | undefined) => void;
  /** The connection failed, for the first time since it stood. */
  readonly failed: (error: unknown) => void;
}

/** Follows channels through a connection of its own. */
export interface Follower {
  start(): void;
  /** A channel is wanted now, or no longer. */
  touch(channel: string): void;
  stop(): void;
}

const reconnectDelay = backoff({ base: 100, cap: 5_000 });

/**
 * A connection that fails is replaced by a new one, so that nothing depends on how a client mends its own. What it is
 * subscribed to is changed by one command at a time; what is touched meanwhile goes with the next.
 */
export function createFollower(options: FollowerOptions): Follower {
  const { port, wanted, timeout, clock, random } = options;
  let touched = new Set<string>();
  let steps: Steps | undefined;

  /** One connection; rejects when it is over. */
  async function live({ take, rest, end }: Steps, ready: () => void): Promise<never> {
    const subscriber: Subscriber = port.subscriber({ message: options.message, over: end });
    const subscribed = new Set<string>();

    /** Returns what was added. */
    async function update(names: Iterable<string>): Promise<readonly string[]> {
      const add: string[] = [];
      const remove: string[] = [];
      for (const name of names) {
        if (wanted.has(name) === subscribed.has(name)) continue;
        (wanted.has(name) ? add : remove).push(name);
      }
      if (add.length > 0) await take(() => subscriber.subscribe(add));
      if (remove.length > 0) await take(() => subscriber.unsubscribe(remove));
      for (const name of add) subscribed.add(name);
      for (const name of remove) subscribed.delete(name);
      return add;
    }

    try {
      await take(() => subscriber.connect());
      touched = new Set();
      await update(wanted.keys());
      ready();
      options.heard(undefined);
      for (;;) {
        if (touched.size === 0) await rest(timeout);
        if (touched.size === 0) await take(() => subscriber.ping());
        const names = touched;
        touched = new Set();
        for (const name of await update(names)) options.heard(name);
      }
    } finally {
      subscriber.close();
    }
  }

  async function run(first: Steps): Promise<void> {
    let failures = 0;
    let own = first;
    while (steps === own) {
      try {
        if (failures > 0) await own.pause(reconnectDelay(failures - 1, random()));
        await live(own, () => {
          failures = 0;
        });
      } catch (error) {
        if (steps !== own) return;
        if (failures++ === 0) options.failed(error);
        own = steps = createSteps(timeout, clock);
      }
    }
  }

  return {
    start() {
      if (steps !== undefined) return;
      steps = createSteps(timeout, clock);
      void run(steps);
    },
    touch(channel) {
      touched.add(channel);
      steps?.wake();
    },
    stop() {
      const last = steps;
      steps = undefined;
      last?.end(new Error("Nobody asks any more."));
    },
  };
}
