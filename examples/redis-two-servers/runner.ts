import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Machine } from "./events.ts";

/** One process of the service, which can be killed and started again. */
export class Runner {
  readonly #script: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #onChange: () => void;
  #child: ChildProcess | undefined;
  #status: Machine["status"] = "dead";
  /** The first that it got; it keeps it, as a machine does. */
  #port = 0;

  /**
   * @param env asked whenever it is started
   * @param onChange called whenever `state` has changed
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

  /** Starts it, unless it runs. */
  start(): void {
    if (this.#child !== undefined) return;
    const child = fork(this.#script, {
      env: { ...process.env, ...this.#env, PORT: String(this.#port) },
    });
    this.#child = child;
    this.#become("starting");
    child.once("message", ({ port }: { port?: number }) => {
      if (port !== undefined) this.#port = port;
      this.#become("running");
    });
    child.once("exit", () => {
      this.#child = undefined;
      this.#become("dead");
    });
  }

  /** Ends it as a power cut does: nothing of it runs any more, and it tells nobody. Resolves when it is over. */
  async kill(): Promise<void> {
    if (this.#child === undefined) return;
    const over = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await over;
  }

  #become(status: Machine["status"]): void {
    this.#status = status;
    this.#onChange();
  }
}
