import type { ChildProcess } from "node:child_process";

type Call = { readonly id: number; readonly name: string; readonly args: readonly unknown[] };
type Reply = { readonly id: number; readonly result?: unknown; readonly error?: string };

/** The functions of another process, called over its IPC channel. */
export type RpcClient<Api> = {
  readonly [Name in keyof Api]: Api[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

/** Lets the parent process call these functions. This process exits when its parent does. */
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

/** Calls what {@link expose} offers in `child`. When the child exits, every pending call rejects. */
export function createRpcClient<Api>(child: ChildProcess): RpcClient<Api> {
  const pending = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;

  child.on("message", ({ id, result, error }: Reply) => {
    const call = pending.get(id);
    pending.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(error));
  });
  child.on("exit", (code, signal) => {
    for (const call of pending.values())
      call.reject(new Error(`The child process exited: ${signal ?? code}.`));
    pending.clear();
  });

  return new Proxy({} as RpcClient<Api>, {
    get: (_target, name: string) =>
      // Without this, `await` would take the client for a thenable.
      name === "then" ? undefined : (...args: unknown[]) => call(name, args),
  });

  function call(name: string, args: readonly unknown[]): Promise<unknown> {
    const id = ++calls;
    const reply = Promise.withResolvers<unknown>();
    pending.set(id, reply);
    child.send({ id, name, args } satisfies Call);
    return reply.promise;
  }
}
