import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Machine } from "./machine.ts";

/** A process of the service that can be killed and started again. */
export class Runner {
  readonly #script: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #onChange: () => void;
  #child: ChildProcess | undefined;
  #status: Machine["status"] = "dead";
  /** Chosen by the system at the first start. A restarted process listens on the same port. */
  #port = 0;

  /**
   * @param env read at each start
   * @param onChange called after each change of `state`
   */
  constructor(script: string, env: Readonly<Record<string, string>>, onChange: () => void) {
    this.#script = script;
    this.#env = env;
    this.#onChange = onChange;
  }

  get state(): Machine {
    return {
      status: this.#status,
      pid: this.#child?.pid,
      url: this.#port === 0 ? undefined : `http://127.0.0.1:${this.#port}`,
    };
  }

  /** Starts the process, unless it is running. */
  start(): void {
    if (this.#child !== undefined) return;
    const child = fork(this.#script, {
      env: { ...process.env, ...this.#env, PORT: String(this.#port) },
    });
    this.#child = child;
    this.#setStatus("starting");
    child.once("message", ({ port }: { port?: number }) => {
      if (port !== undefined) this.#port = port;
      this.#setStatus("running");
    });
    child.once("exit", () => {
      this.#child = undefined;
      this.#setStatus("dead");
    });
  }

  /** Kills the process with SIGKILL, like a power failure: it cannot clean up. Resolves when it has exited. */
  async kill(): Promise<void> {
    if (this.#child === undefined) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  #setStatus(status: Machine["status"]): void {
    this.#status = status;
    this.#onChange();
  }
}
