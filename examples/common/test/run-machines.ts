import { expect, onTestFinished } from "vitest";
import type { Machine } from "../machine.ts";
import { follow } from "./follow.ts";
import { runServer } from "./run-server.ts";
import { until } from "./until.ts";

/** An example whose page kills and starts the processes of a service. */
export interface RunningMachines<State, Name extends string> {
  /** The URL of the page. */
  readonly url: string;
  /** What the page was told last. */
  readonly machines: () => State;
  readonly urlOf: (name: Name) => string;
  kill(name: Name): Promise<void>;
  start(name: Name): Promise<void>;
}

/** Runs an example until the test is finished. Resolves when its processes run. */
export async function runMachines<Name extends string, State extends Readonly<Record<Name, Machine>>>(
  script: string,
  names: readonly Name[],
  env: Readonly<Record<string, string>>,
): Promise<RunningMachines<State, Name>> {
  const server = runServer(script, { PORT: "0", ...env });
  onTestFinished(async () => {
    server.kill("SIGTERM");
    expect(await server.exited()).toBe(0);
  });
  const url = await server.firstLine("stdout");
  let machines: State | undefined;
  void (async () => {
    for await (const { event, data } of follow(`${url}/machines`)) if (event === "machines") machines = data;
  })().catch(() => undefined);
  const isRunning = (name: Name): boolean => machines?.[name].status === "running";
  await until(() => names.every(isRunning));

  const put = async (name: Name, running: boolean): Promise<void> => {
    const response = await fetch(`${url}/machines/${name}`, {
      method: "PUT",
      body: JSON.stringify({ running }),
    });
    expect(response.status).toBe(204);
    await until(() => isRunning(name) === running);
  };
  return {
    url,
    machines: () => machines as State,
    urlOf: (name) => machines?.[name].url as string,
    kill: (name) => put(name, false),
    start: (name) => put(name, true),
  };
}
