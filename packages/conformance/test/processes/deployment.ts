import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished } from "vitest";
import { startRedis } from "../../../redis/test/support/redis-server.ts";
import { type LoadBalancer, startLoadBalancer } from "./load-balancer.ts";

/** What a process is started with. */
export interface DeployedOptions {
  readonly redisPort: number;
  readonly durability: "local" | "stored";
}

export type ToDeployed = "finish" | { readonly run: string };
export type FromDeployed = { readonly port: number } | { readonly done: string; readonly events: number };

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  /** The jobs that it runs. */
  readonly jobs: Set<string>;
}

/** A service of several processes behind a load balancer, with a queue. */
export class Deployment {
  readonly balancer: LoadBalancer;
  /** How many events each finished job has. */
  readonly finished = new Map<string, number>();
  readonly #options: DeployedOptions;
  readonly #processes = new Map<string, Running>();
  /** The jobs that wait for a producer. */
  #queue: string[] = [];
  #isFinishing = false;

  private constructor(balancer: LoadBalancer, options: DeployedOptions) {
    this.balancer = balancer;
    this.#options = options;
  }

  /** Starts processes, until the test is finished: `web-…` ones serve clients, and those with `worker` in their name run jobs. */
  static async start(
    names: readonly string[],
    durability: DeployedOptions["durability"],
  ): Promise<Deployment> {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const deployment = new Deployment(await startLoadBalancer(), { redisPort: redis.port, durability });
    await Promise.all(names.map((name) => deployment.#start(name)));
    return deployment;
  }

  /** Adds a job to the queue. A job whose process exits before it is done is run again. */
  run(id: string): void {
    this.#queue.push(id);
    this.#dispatch();
  }

  /** Replaces a process by a new one. The old one gets SIGTERM, and has to exit with 0. */
  async replace(name: string): Promise<void> {
    const { child, port } = this.#processes.get(name) as Running;
    this.#processes.delete(name);
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
    this.balancer.backends.delete(port);
    await this.#start(name);
  }

  /** Ends all jobs and feeds. */
  finish(): void {
    this.#isFinishing = true;
    for (const { child } of this.#processes.values()) child.send("finish" satisfies ToDeployed);
  }

  async #start(name: string): Promise<void> {
    const child = fork(new URL("./deployed-server.ts", import.meta.url), [JSON.stringify(this.#options)], {
      execArgv: ["--conditions=@holdfast/source"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const jobs = new Set<string>();
    child.once("exit", () => {
      this.#queue.push(...jobs);
      this.#dispatch();
    });
    const [{ port }] = (await once(child, "message")) as [{ port: number }];
    child.on("message", (message: FromDeployed) => {
      if (!("done" in message)) return;
      jobs.delete(message.done);
      this.finished.set(message.done, message.events);
    });
    if (this.#isFinishing) child.send("finish" satisfies ToDeployed);
    this.#processes.set(name, { child, port, jobs });
    if (name.startsWith("web")) this.balancer.backends.add(port);
    this.#dispatch();
  }

  /** Gives the jobs of the queue to the process that runs fewest. */
  #dispatch(): void {
    const producers = [...this.#processes]
      .filter(([name]) => name.includes("worker"))
      .map(([, running]) => running);
    if (producers.length === 0) return;
    for (const id of this.#queue.splice(0)) {
      const [producer] = producers.toSorted((a, b) => a.jobs.size - b.jobs.size) as [Running];
      producer.jobs.add(id);
      producer.child.send({ run: id } satisfies ToDeployed);
    }
  }
}
