import { callSafely } from "../base/call-safely.ts";
import type { Connection } from "./connection.ts";
import type { Settings } from "./options.ts";
import { type Convert, createReconnectLoop, type Transport } from "./reconnect-loop.ts";
import type { ConnectionState, StateListener } from "./state.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const DONE = { done: true, value: undefined } as const;

/** The public side of a reconnect loop: an iterator of its events, its state, and its end. */
export function createStreamConnection<T extends { readonly id: string }>(
  settings: Settings,
  transport: Transport,
  convert: Convert<T>,
): Connection<T> {
  const { signal } = settings;
  const listeners = new Set<StateListener>();
  const loop = createReconnectLoop(settings, transport, convert, setState, finish);
  /** Aborts when the loop has ended. After a failure, `reconnect` starts it again. */
  let lifetime = new AbortController();
  let isClosed = false;
  /** Whether the next call of `next` throws the reason of the signal. */
  let isAborted = false;
  let events: AsyncGenerator<T, void, void>;
  /** The first event, which is requested before the application calls `next`. */
  let first: Promise<IteratorResult<T, void>> | undefined;

  function setState(state: ConnectionState): void {
    connection.state = state;
    for (const listener of listeners) callSafely(() => listener(state));
  }

  function abort(): void {
    isAborted = true;
    connection.close();
  }

  function start(): void {
    if (signal?.aborted) return abort();
    lifetime = new AbortController();
    signal?.addEventListener("abort", abort);
    events = loop.run(lifetime.signal);
    first = events.next();
    // Its error is thrown by `next`, and shown by the state: it must not be an unhandled rejection too.
    first.catch(() => undefined);
  }

  function finish(reason: "done" | "closed" | "failed", error?: unknown): void {
    if (lifetime.signal.aborted) return;
    lifetime.abort();
    signal?.removeEventListener("abort", abort);
    setState({ status: "closed", reason, error });
  }

  const connection: Mutable<Connection<T>> = {
    state: { status: "connecting", attempt: 1 },
    get lastEventId() {
      return loop.lastEventId;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reconnect() {
      const { state } = connection;
      if (state.status !== "closed") loop.reconnect();
      else if (state.reason === "failed" && !isClosed) start();
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      finish("closed");
      listeners.clear();
    },
    async next() {
      if (!isClosed) {
        const pending = first ?? events.next();
        first = undefined;
        const { value } = await pending;
        if (!isClosed && value) {
          loop.lastEventId = value.id;
          return { done: false, value };
        }
      }
      if (!isAborted) return DONE;
      isAborted = false;
      throw signal?.reason;
    },
    async return() {
      connection.close();
      return DONE;
    },
    [Symbol.asyncIterator]: () => connection,
    [Symbol.dispose]: () => connection.close(),
  };
  start();
  return connection;
}
