import type { ChildProcess } from "node:child_process";

type Call = { readonly id: number; readonly name: string; readonly args: readonly unknown[] };
type Reply = { readonly id: number; readonly result?: unknown; readonly error?: string };

/** The functions of another process, called over its IPC channel. */
export type Remote<Api> = {
  readonly [Name in keyof Api]: Api[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

/** Lets the parent process call these functions, and ends with it. */
export function expose(api: object): void {
  process.on("disconnect", () => process.exit());
  process.on("message", ({ id, name, args }: Call) => void reply(id, name, args));

  async function reply(id: number, name: string, args: readonly unknown[]): Promise<void> {
    try {
      const call = (api as Record<string, (...args: readonly unknown[]) => unknown>)[name];
      send({ id, result: await call?.(...args) });
    } catch (error) {
      send({ id, error: String(error) });
    }
  }

  function send(message: Reply): void {
    process.send?.(message);
  }
}

/** What {@link expose} exposed in `child`. Its death fails every call. */
export function remoteOf<Api>(child: ChildProcess): Remote<Api> {
  const pending = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;

  child.on("message", ({ id, result, error }: Reply) => {
    const call = pending.get(id);
    pending.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(error));
  });
  child.on("exit", (code, signal) => {
    for (const call of pending.values()) call.reject(new Error(`The process died: ${signal ?? code}.`));
    pending.clear();
  });

  return new Proxy({} as Remote<Api>, {
    get: (_target, name: string) =>
      // A remote is no promise, whatever `await` thinks.
      name === "then" ? undefined : (...args: unknown[]) => call(name, args),
  });

  function call(name: string, args: readonly unknown[]): Promise<unknown> {
    const id = ++calls;
    const waiting = Promise.withResolvers<unknown>();
    pending.set(id, waiting);
    child.send({ id, name, args } satisfies Call);
    return waiting.promise;
  }
}
