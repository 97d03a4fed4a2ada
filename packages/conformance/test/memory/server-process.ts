import { fork } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import type { Framework } from "./feed.ts";
import type { Commands } from "./server.ts";

type Result<Name extends keyof Commands> = Awaited<ReturnType<Commands[Name]>>;

/** The process that runs `server.ts`, seen from its parent. */
export interface ServerProcess {
  readonly port: number;
  /** Runs a command in the server; one at a time. */
  run<Name extends keyof Commands>(name: Name, ...args: Parameters<Commands[Name]>): Promise<Result<Name>>;
  /** Waits until all clients have disconnected; returns the server's state. */
  untilDisconnected(): Promise<Result<"state">>;
}

/** Starts a server in its own process, until the test is finished. */
export async function startServerProcess(framework: Framework): Promise<ServerProcess> {
  const child = fork(new URL("./server.ts", import.meta.url), [framework], {
    execArgv: ["--conditions=@holdfast/source", "--expose-gc"],
  });
  onTestFinished(() => void child.kill());
  const exited = once(child, "exit").then(([code, signal]) => `The server exited: ${code ?? signal}.`);

  async function nextMessage<T>(): Promise<T> {
    const message = once(child, "message").then(([value]) => ({ value: value as T }));
    const first = await Promise.race([message, exited]);
    if (typeof first === "string") throw new Error(first);
    return first.value;
  }

  const server: ServerProcess = {
    port: await nextMessage(),
    run(name, ...args) {
      child.send({ name, argument: args[0] });
      return nextMessage();
    },
    untilDisconnected: () =>
      eventually(async () => {
        const state = await server.run("state");
        expect([state.sockets, state.connections]).toEqual([0, 0]);
        return state;
      }),
  };
  return server;
}
