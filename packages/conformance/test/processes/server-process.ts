import { fork } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";
import type { Call, Reply, ServerOptions } from "./messages.ts";
import type { Commands } from "./server.ts";

type Result<Name extends keyof Commands> = Awaited<ReturnType<Commands[Name]>>;

/** The process that runs `server.ts`, seen from its parent. */
export interface ServerProcess {
  readonly port: number;
  /** Runs a command in the server. */
  run<Name extends keyof Commands>(name: Name, ...args: Parameters<Commands[Name]>): Promise<Result<Name>>;
  /** Kills it with SIGKILL. */
  kill(): Promise<void>;
  /** Stops it with SIGSTOP: its sockets stay open, and it does not answer. */
  freeze(): void;
  thaw(): void;
  /** Resolves when it has exited. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts a server process, until the test is finished. */
export async function startServerProcess(options: ServerOptions): Promise<ServerProcess> {
  const child = fork(new URL("./server.ts", import.meta.url), [JSON.stringify(options)], {
    execArgv: ["--conditions=@holdfast/source"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const pending = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  const exited = once(child, "exit").then(([code, signal]) => {
    for (const call of pending.values()) call.reject(new Error(`The server exited: ${code ?? signal}.`));
    return { code, signal };
  });
  const [port] = (await Promise.race([
    once(child, "message"),
    exited.then(({ code }) => Promise.reject(new Error(`The server did not start: ${code}.`))),
  ])) as [number];
  child.on("message", ({ number, value, error }: Reply) => {
    const call = pending.get(number);
    pending.delete(number);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(error));
  });
  return {
    port,
    run<Name extends keyof Commands>(name: Name, ...args: Parameters<Commands[Name]>) {
      const call = Promise.withResolvers<unknown>();
      pending.set(++calls, call);
      child.send({ number: calls, name, args } satisfies Call);
      return call.promise as Promise<Result<Name>>;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    exited,
  };
}
