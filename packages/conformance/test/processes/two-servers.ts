import { expect, onTestFinished } from "vitest";
import { libraries, type Library } from "../../../redis/test/support/clients.ts";
import { startRedis, type RedisServer } from "../../../redis/test/support/redis-server.ts";
import { eventually } from "../../src/harness/eventually.ts";
import type { ServerOptions } from "./messages.ts";
import type { RecordingClient } from "./recording-client.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";

/** Longer than most waits, because some of them include a lease. */
const LIMIT = 60_000;

export interface TwoServers {
  readonly redis: RedisServer;
  /** Sends any command to Redis. */
  readonly command: (...args: string[]) => Promise<unknown>;
  /** It uses the package `redis`. */
  readonly first: ServerProcess;
  /** It uses the package `ioredis`. */
  readonly second: ServerProcess;
}

/** Starts a Redis and two servers on it, until the test is finished. */
export async function startTwoServers({
  durability = "local",
}: Partial<ServerOptions> = {}): Promise<TwoServers> {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const [first, second] = await Promise.all([
    startServerProcess({ redisPort: redis.port, library: "redis", durability }),
    startServerProcess({ redisPort: redis.port, library: "ioredis", durability }),
  ]);
  const { connect } = libraries[0] as Library;
  const { command, close } = await connect(redis.port);
  onTestFinished(close);
  return { redis, command, first, second };
}

/** Waits until a condition holds for each of the clients. */
async function untilEach(
  clients: readonly RecordingClient[],
  condition: (client: RecordingClient) => boolean,
): Promise<void> {
  await eventually(() => expect(clients.filter((client) => !condition(client))).toEqual([]), LIMIT);
}

/** Waits until each of the clients has received `count` events. */
export async function untilReceived(clients: readonly RecordingClient[], count: number): Promise<void> {
  await untilEach(clients, ({ events }) => events.length >= count);
}

/** Waits until each of the clients has had the state. */
export async function untilState(clients: readonly RecordingClient[], state: string): Promise<void> {
  await untilEach(clients, ({ states }) => states.includes(state));
}

/** Waits for the end of a stream; asserts that all clients received the same events, each once, and the same single end. */
export async function expectSameEvents(
  clients: readonly RecordingClient[],
  end: string,
): Promise<readonly string[]> {
  await untilEach(clients, ({ ends }) => ends.length > 0);
  const [first] = clients as [RecordingClient];
  const numbers = first.events.map((event) => /^\w{10}\.(\d+) (\d+)$/.exec(event)?.slice(1).map(Number));
  expect(numbers).toEqual(numbers.map((_, index) => [index + 1, index + 1]));
  for (const { events, ends, resets } of clients) {
    expect([events, ends, resets]).toEqual([first.events, [end], []]);
  }
  return first.events;
}
