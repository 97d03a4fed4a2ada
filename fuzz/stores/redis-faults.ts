import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import type { RedisServer } from "../../packages/redis/test/support/redis-server.ts";
import type { Random } from "../harness/random.ts";
import type { FaultyProxy, ProxyFault } from "./faulty-proxy.ts";

/** `flush` and `restart` lose everything that Redis holds. */
type RedisFault = Exclude<ProxyFault, "none"> | "flush" | "restart";

const FAULTS: readonly RedisFault[] = [
  "delay",
  "delay",
  "cut",
  "cut",
  "cut",
  "refuse",
  "hang",
  "flush",
  "restart",
];
/** How long a fault lasts, and the calm behind it, in ms. */
const LENGTH = { min: 50, max: 800 };

/** Lets one fault follow the other, between `start` and `stop`. */
export class RedisFaults {
  readonly #redis: RedisServer;
  readonly #proxy: FaultyProxy;
  readonly #random: Random;
  #losses = 0;
  #isOn = false;
  #done: Promise<void> = Promise.resolve();

  constructor(redis: RedisServer, proxy: FaultyProxy, random: Random) {
    this.#redis = redis;
    this.#proxy = proxy;
    this.#random = random;
  }

  async start(): Promise<void> {
    this.#isOn = true;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#isOn = false;
    await this.#done;
  }

  async count(): Promise<number> {
    return this.#proxy.faults + this.#losses;
  }

  async #run(): Promise<void> {
    while (this.#isOn) {
      await this.#inject(this.#random.pick(FAULTS));
      this.#proxy.heal();
      await this.#pause();
    }
  }

  async #inject(fault: RedisFault): Promise<void> {
    if (fault === "flush" || fault === "restart") this.#losses++;
    if (fault === "restart") return this.#redis.restart();
    if (fault === "flush") return this.#flush();
    this.#proxy.fault = fault;
    await this.#pause();
  }

  async #flush(): Promise<void> {
    const client = new Redis(this.#redis.port, "127.0.0.1");
    await client.flushall();
    client.disconnect();
  }

  async #pause(): Promise<void> {
    await pause(this.#random.int(LENGTH.min, LENGTH.max));
  }
}
