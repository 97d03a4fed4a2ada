/*
 * What every child process of the fuzzer has in common: it obeys commands, and reports every error that nobody handles.
 */
import { HoldfastError } from "@holdfast/core";
import { measureMemory } from "./memory.ts";

/** The messages of a child. */
export type ChildMessage = { readonly call: number; readonly result: unknown } | { readonly problem: string };

export type Commands = Readonly<Record<string, (argument: never) => unknown>>;

const send = (message: ChildMessage): void => void process.send?.(message);

/** Reports something that must not happen. */
export function reportProblem(error: unknown): void {
  const code = HoldfastError.is(error) ? ` (${error.code})` : "";
  send({ problem: `${error instanceof Error ? (error.stack ?? error.message) : String(error)}${code}` });
}

/** Runs the commands that the parent sends, until the parent is gone. */
export function obey<Own extends Commands>(own: Own): void {
  const commands: Commands = { ...own, memory: measureMemory };
  process.on("message", ({ call, name, argument }: { call: number; name: string; argument: never }) => {
    void (async () => send({ call, result: await commands[name]?.(argument) }))();
  });
  process.on("disconnect", () => process.exit());
  process.on("uncaughtException", reportProblem);
  process.on("unhandledRejection", reportProblem);
  process.on("warning", (warning) => {
    // Express parses hostile URLs with `url.parse`, which is deprecated.
    if ((warning as NodeJS.ErrnoException).code !== "DEP0170") reportProblem(warning);
  });
}
