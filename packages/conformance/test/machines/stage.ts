import { expect, onTestFinished } from "vitest";
import { libraries, type Library } from "../../../redis/test/support/clients.ts";
import { startRedis, type RedisServer } from "../../../redis/test/support/redis-server.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import type { Follower } from "./follower.ts";
import { type Machine, startMachine } from "./machine.ts";
import type { Equipment } from "./terms.ts";

/** Late is what hangs: a machine may be busy. */
const DEADLINE = 15_000;

export interface Stage {
  readonly redis: RedisServer;
  /** Any command to Redis. */
  readonly command: (...args: string[]) => Promise<unknown>;
  /** Two machines, each with another client of Redis. */
  readonly here: Machine;
  readonly there: Machine;
}

/** A Redis and two machines, until the test is finished. */
export async function stage({ durability = "local" }: Partial<Equipment> = {}): Promise<Stage> {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const [here, there] = await Promise.all([
    startMachine({ redis: redis.port, library: "redis", durability }),
    startMachine({ redis: redis.port, library: "ioredis", durability }),
  ]);
  const { connect } = libraries[0] as Library;
  const { command, close } = await connect(redis.port);
  onTestFinished(close);
  return { redis, command, here, there };
}

/** Waits until the answer is yes for all of them. */
export async function all(
  followers: readonly Follower[],
  ask: (follower: Follower) => boolean,
): Promise<void> {
  await eventually(() => expect(followers.filter((follower) => !ask(follower))).toEqual([]), DEADLINE);
}

/** Waits until each of them has so many events. */
export async function reach(followers: readonly Follower[], count: number): Promise<void> {
  await all(followers, ({ events }) => events.length >= count);
}

/** Waits until each of them was told so. */
export async function told(followers: readonly Follower[], state: string): Promise<void> {
  await all(followers, ({ states }) => states.includes(state));
}

/** Waits for the end, and looks back: all have had the same events, every one once, and were told of one end. */
export async function expectSameStory(
  followers: readonly Follower[],
  end: string,
): Promise<readonly string[]> {
  await all(followers, ({ ends }) => ends.length > 0);
  const [first] = followers as [Follower];
  const numbers = first.events.map((event) => /^\w{10}\.(\d+) (\d+)$/.exec(event)?.slice(1).map(Number));
  expect(numbers).toEqual(numbers.map((_, index) => [index + 1, index + 1]));
  for (const { events, ends, resets } of followers) {
    expect([events, ends, resets]).toEqual([first.events, [end], []]);
  }
  return first.events;
}
