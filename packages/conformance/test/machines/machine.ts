import { fork } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";
import type { Commands } from "./server.ts";
import type { Call, Equipment, Reply } from "./terms.ts";

type Answer<Name extends keyof Commands> = Awaited<ReturnType<Commands[Name]>>;

/** `server.ts` in a process of its own, seen from its parent. */
export interface Machine {
  readonly port: number;
  ask<Name extends keyof Commands>(name: Name, ...given: Parameters<Commands[Name]>): Promise<Answer<Name>>;
  /** Ends it without a chance to say anything. */
  kill(): Promise<void>;
  /** Stops it in its tracks: its sockets stay, and nobody answers. */
  freeze(): void;
  thaw(): void;
  /** How it ended. */
  readonly gone: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts a machine, until the test is finished. */
export async function startMachine(equipment: Equipment): Promise<Machine> {
  const child = fork(new URL("./server.ts", import.meta.url), [JSON.stringify(equipment)], {
    execArgv: ["--conditions=@holdfast/source"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  const gone = once(child, "exit").then(([code, signal]) => {
    for (const call of waiting.values()) call.reject(new Error(`The machine has gone: ${code ?? signal}.`));
    return { code, signal };
  });
  const [port] = (await Promise.race([
    once(child, "message"),
    gone.then(({ code }) => Promise.reject(new Error(`The machine did not start: ${code}.`))),
  ])) as [number];
  child.on("message", ({ number, value, error }: Reply) => {
    const call = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(error));
  });
  return {
    port,
    ask<Name extends keyof Commands>(name: Name, ...given: Parameters<Commands[Name]>) {
      const call = Promise.withResolvers<unknown>();
      waiting.set(++calls, call);
      child.send({ number: calls, name, given } satisfies Call);
      return call.promise as Promise<Answer<Name>>;
    },
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    gone,
  };
}
