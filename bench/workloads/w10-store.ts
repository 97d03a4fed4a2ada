import { availableParallelism } from "node:os";
import { startChild } from "../harness/child.ts";
import type { LoadApi } from "../harness/load.ts";
import { busy } from "../harness/others.ts";
import { OTHERS, type Run, type Scale, type Workload } from "../harness/workload.ts";
import { hasRedis } from "../peers/servers.ts";
import type { AppenderApi } from "../store/appender.ts";
import type { FollowerApi } from "../store/follower.ts";
import type { ProducerApi } from "../store/producer.ts";
import { type Redis, startRedis } from "../store/redis.ts";
import type { WebApi } from "../store/web.ts";

const AT = (name: string): URL => new URL(`../store/${name}.ts`, import.meta.url);
const LOAD = new URL("../harness/load.ts", import.meta.url);

/** Streams that are appended to at once, each one event after the other. */
const LANES = 200;
/** Events that are appended each ms. */
const AT_ONCE = 4;
const PATH = "/answer-";
const ANSWERS = 100;
const EVERY = 50;

export const ROWS = {
  appends: "one event an append, one connection",
  growth: "4,000 events/s, all followed elsewhere",
  wakes: "from an append to a client elsewhere, 1,000/s",
  answers: `${ANSWERS} answers, a token every ${EVERY} ms, to clients elsewhere`,
} as const;

/** Children that are stopped, and the Redis, when the measurement is over. */
class Scene implements AsyncDisposable {
  readonly redis: Redis;
  readonly #children: { stop(): Promise<void> }[] = [];

  private constructor(redis: Redis) {
    this.redis = redis;
  }

  static async open(): Promise<Scene> {
    return new Scene(await startRedis());
  }

  start<Api>(file: URL, core: number): ReturnType<typeof startChild<Api>>["remote"] {
    const child = startChild<Api>(file, core);
    this.#children.push(child);
    return child.remote;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    await this.redis[Symbol.asyncDispose]();
  }
}

const appends = (scale: Scale): Run => ({
  subjects: scale.choose(["redis", "ioredis"]),
  rounds: scale.rounds(3),
  async measure(client) {
    const times = scale.quick ? 50 : 300;
    await using scene = await Scene.open();
    const appender = scene.start<AppenderApi>(AT("appender"), 0);
    await appender.start(client, scene.redis.port);
    await appender.open(LANES);
    await appender.race(scale.quick ? 20 : 200);
    const [before, redisBefore, busyBefore] = [await appender.usage(false), scene.redis.cpu(), busy()];
    const took = await appender.race(times);
    const [after, redisAfter, busyAfter] = [await appender.usage(false), scene.redis.cpu(), busy()];
    const own = after.cpu - before.cpu + (redisAfter - redisBefore);
    const others = Math.max(0, busyAfter - busyBefore - own) / (took * availableParallelism());
    const events = LANES * times;
    return {
      [ROWS.appends]: { us: took / events, redis: (redisAfter - redisBefore) / events, [OTHERS]: others },
    };
  },
});

const sizes = [10, 100, 1_000, 5_000];
const nameOf = (streams: number): string => `${streams.toLocaleString("en")} streams`;

const growth = (scale: Scale): Run => ({
  subjects: scale.choose(sizes.map(nameOf)),
  rounds: scale.rounds(2),
  async measure(subject) {
    const streams = sizes[sizes.map(nameOf).indexOf(subject)] as number;
    const warm = Math.ceil(streams / AT_ONCE) * AT_ONCE + 4_000;
    const events = scale.quick ? 4_000 : 12_000;
    await using scene = await Scene.open();
    const appender = scene.start<AppenderApi>(AT("appender"), 0);
    const follower = scene.start<FollowerApi>(AT("follower"), 1);
    await Promise.all([appender.start("redis", scene.redis.port), follower.start("redis", scene.redis.port)]);
    await appender.open(streams);
    await follower.follow(streams);
    await Promise.all([appender.walk(warm, AT_ONCE), follower.receive(warm)]);
    const before = scene.redis.cpu();
    await Promise.all([appender.walk(events, AT_ONCE), follower.receive(warm + events)]);
    const redis = (scene.redis.cpu() - before) / events;
    return { [ROWS.growth]: { redis } };
  },
});

/** How long an event is on its way from its append in one process to the client of another. */
const wakes = (scale: Scale): Run => ({
  subjects: scale.choose(["holdfast"]),
  rounds: scale.rounds(2),
  async measure(way) {
    await using scene = await Scene.open();
    const appender = scene.start<AppenderApi>(AT("appender"), 0);
    const web = scene.start<WebApi>(AT("web"), 0);
    const load = scene.start<LoadApi>(LOAD, 1);
    await appender.start("redis", scene.redis.port);
    await appender.open(ANSWERS);
    const port = await web.start(way, scene.redis.port);
    await load.connect({ port, path: "/stream-" }, ANSWERS, true);
    const walk = async (events: number): Promise<void> => {
      await appender.walk(events, 1);
      await load.receive(events);
    };
    await walk(2_000);
    await load.watch();
    await walk(scale.quick ? 2_000 : 5_000);
    return { [ROWS.wakes]: await load.latency() };
  },
});

/** One process produces answers, another one resumes them for its clients. */
const answers = (scale: Scale): Run => ({
  subjects: scale.choose(["resumable-stream", "holdfast"]),
  rounds: scale.rounds(2),
  async measure(way) {
    const tokens = scale.quick ? 20 : 60;
    await using scene = await Scene.open();
    const producer = scene.start<ProducerApi>(AT("producer"), 0);
    const web = scene.start<WebApi>(AT("web"), 0);
    const load = scene.start<LoadApi>(LOAD, 1);
    await producer.start(way, scene.redis.port, PATH, ANSWERS);
    const port = await web.start(way, scene.redis.port);
    await load.connect({ port, path: PATH }, ANSWERS, true);
    const speak = async (times: number): Promise<void> => {
      await producer.speak(times, EVERY);
      await load.receive(times * ANSWERS);
    };
    await speak(20);
    await load.watch();
    const before = [await producer.usage(false), await web.usage(false)];
    const redisBefore = scene.redis.cpu();
    await speak(tokens);
    const redis = (scene.redis.cpu() - redisBefore) / (tokens * ANSWERS);
    const after = [await producer.usage(false), await web.usage(false)];
    const cpu =
      after.reduce((sum, now, at) => sum + now.cpu - (before[at]?.cpu ?? 0), 0) / (tokens * ANSWERS);
    return { [ROWS.answers]: { cpu, redis, ...(await load.latency()) } };
  },
});

export const store: Workload = {
  name: "W10",
  title: "the store: streams that processes share over Redis",
  columns: [
    { figure: "us", title: "us/append", digits: 1 },
    { figure: "cpu", title: "CPU us/token", digits: 1 },
    { figure: "redis", title: "Redis us/event", digits: 1 },
    { figure: "p50", title: "p50 us", digits: 0 },
    { figure: "p99", title: "p99 us", digits: 0 },
  ],
  runs: (scale) => (hasRedis ? [appends(scale), growth(scale), wakes(scale), answers(scale)] : []),
};
