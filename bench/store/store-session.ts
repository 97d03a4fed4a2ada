import { startChild } from "../harness/child.ts";
import type { LoadApi } from "../harness/load-process.ts";
import type { RpcClient } from "../harness/rpc.ts";
import { type Redis, startRedis } from "./redis.ts";

const SERVER_CORE = 0;
const LOAD_CORE = 1;

type StoreProcess = "append" | "follow" | "produce" | "web";

/** A fresh Redis and the processes of one measurement. All of them stop with the session. */
export class StoreSession implements AsyncDisposable {
  readonly redis: Redis;
  readonly #children: { stop(): Promise<void> }[] = [];

  private constructor(redis: Redis) {
    this.redis = redis;
  }

  static async open(): Promise<StoreSession> {
    return new StoreSession(await startRedis());
  }

  /** Starts a process that uses the store; those that only read run on the core of the load generator. */
  start<Api>(name: StoreProcess): RpcClient<Api> {
    return this.#start(
      new URL(`${name}-process.ts`, import.meta.url),
      name === "follow" ? LOAD_CORE : SERVER_CORE,
    );
  }

  startLoad(): RpcClient<LoadApi> {
    return this.#start(new URL("../harness/load-process.ts", import.meta.url), LOAD_CORE);
  }

  #start<Api>(file: URL, core: number): RpcClient<Api> {
    const child = startChild<Api>(file, core);
    this.#children.push(child);
    return child.rpc;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    await this.redis[Symbol.asyncDispose]();
  }
}
