import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { ChildMessage, Commands } from "./child.ts";
import { inTime, Violation } from "./wait.ts";

/** A child process seen from its parent. */
export class Child<Own extends Commands> {
  /** What the child reported, and wrote to its output: nothing, if all is well. */
  readonly problems: string[] = [];
  readonly #process: ChildProcess;
  /** Rejects when the process exits before `stop`. */
  readonly crashed: Promise<never>;
  readonly #exited: Promise<void>;
  #isStopping = false;
  readonly #pending = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >();
  #calls = 0;

  constructor(module: URL, config: object) {
    this.#process = fork(module, [JSON.stringify(config)], {
      execArgv: ["--conditions=@holdfast/source", "--expose-gc", "--no-warnings"],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      output?.on("data", (chunk: Buffer) => this.problems.push(chunk.toString()));
    }
    this.#process.on("message", (message: ChildMessage) => {
      if ("problem" in message) this.problems.push(message.problem);
      else this.#pending.get(message.call)?.resolve(message.result);
    });
    this.#exited = exitOf(this.#process).then(([code, signal]) => {
      this.problems.unshift(`The process exited: ${String(code ?? signal)}`);
      for (const { reject } of this.#pending.values()) reject(this.#violation());
    });
    this.crashed = this.#exited.then(() => {
      if (!this.#isStopping) throw this.#violation();
      return new Promise<never>(() => undefined);
    });
    this.crashed.catch(() => undefined);
  }

  run<Name extends keyof Own & string>(
    name: Name,
    ...args: Parameters<Own[Name]>
  ): Promise<Awaited<ReturnType<Own[Name]>>> {
    return this.#run(name, args[0]) as Promise<Awaited<ReturnType<Own[Name]>>>;
  }

  memory(): Promise<number> {
    return this.#run("memory", undefined) as Promise<number>;
  }

  /** Throws if the child has reported anything, or is gone. */
  check(): void {
    if (this.problems.length > 0) throw this.#violation();
  }

  /** Tells the child that its parent is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#process.connected) this.#process.disconnect();
    const killer = setTimeout(() => this.#process.kill("SIGKILL"), 5_000);
    await this.#exited;
    clearTimeout(killer);
  }

  #violation(): Violation {
    return new Violation(this.problems.slice(0, 5).join("\n"));
  }

  async #run(name: string, argument: unknown): Promise<unknown> {
    if (!this.#process.connected) throw this.#violation();
    const call = this.#calls++;
    const answered = new Promise((resolve, reject) => this.#pending.set(call, { resolve, reject }));
    this.#process.send({ call, name, argument });
    try {
      return await inTime(answered, () => `the command ${name}`);
    } finally {
      this.#pending.delete(call);
    }
  }
}

/** Waits for the exit and for the output behind it: `close` does not follow every exit. */
async function exitOf(process: ChildProcess): Promise<unknown[]> {
  const outputs = [process.stdout, process.stderr].map((output) => output && once(output, "close"));
  const [exit] = await Promise.all([once(process, "exit"), ...outputs]);
  return exit;
}
