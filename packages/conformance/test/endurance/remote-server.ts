import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { Commands } from "./server.ts";
import type { Framework } from "./terms.ts";

type Answer<Name extends keyof Commands> = Awaited<ReturnType<Commands[Name]>>;

/** `server.ts`, seen from its parent. */
export interface RemoteServer {
  readonly port: number;
  /** Has the server do something; one thing at a time. */
  ask<Name extends keyof Commands>(name: Name, ...given: Parameters<Commands[Name]>): Promise<Answer<Name>>;
  /** Waits until all clients have gone, if they do. Returns the server's state. */
  deserted(): Promise<Answer<"state">>;
}

const DEADLINE = 5_000;

/** Starts a server in a process of its own, until the test is finished. */
export async function startServer(framework: Framework): Promise<RemoteServer> {
  const child = fork(new URL("./server.ts", import.meta.url), [framework], {
    execArgv: ["--conditions=@holdfast/source", "--expose-gc"],
  });
  onTestFinished(() => void child.kill());
  const gone = once(child, "exit").then(([code, signal]) => `The server has gone: ${code ?? signal}.`);

  async function answer<T>(): Promise<T> {
    const message = once(child, "message").then(([value]) => ({ value: value as T }));
    const first = await Promise.race([message, gone]);
    if (typeof first === "string") throw new Error(first);
    return first.value;
  }

  const server: RemoteServer = {
    port: await answer(),
    ask(name, ...given) {
      child.send({ name, argument: given[0] });
      return answer();
    },
    async deserted() {
      const end = performance.now() + DEADLINE;
      for (;;) {
        const state = await server.ask("state");
        if ((state.sockets === 0 && state.connections === 0) || performance.now() > end) return state;
        await pause(1);
      }
    },
  };
  return server;
}
