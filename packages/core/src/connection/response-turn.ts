/** A response of `node:http` that may be pipelined. */
export interface PipelinedResponse {
  /** `null` as long as an earlier response has the connection; `undefined` where there is no such thing. */
  readonly socket?: object | null | undefined;
  readonly destroyed?: boolean;
  readonly req: { readonly socket: ClientSocket };
  once(event: "socket" | "close", listener: () => void): unknown;
}

interface ClientSocket {
  readonly destroyed: boolean;
  once(event: "close", listener: () => void): unknown;
  off(event: "close", listener: () => void): unknown;
}

/** What to call when a connection closes: one listener on the socket serves all responses that wait. */
interface Group {
  readonly listeners: Set<() => void>;
  readonly callAll: () => void;
}

const waiting = new WeakMap<ClientSocket, Group>();

/**
 * Waits until a pipelined response of HTTP/1.1 gets its connection. Resolves with `false` if it is over before that; returns
 * `undefined` if there is nothing to wait for.
 *
 * Node starts all requests that a client has sent, however many, but only one response has the connection. The others
 * MUST NOT hold anything that is limited.
 */
export function waitForTurn(res: PipelinedResponse): Promise<boolean> | undefined {
  if (res.socket !== null || res.destroyed === true) return undefined;
  const { socket } = res.req;
  if (socket.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const settle = (hasTurn: boolean): void => {
      stopWaiting();
      resolve(hasTurn);
    };
    // Up to Node 22, a response that waits does not emit `close` when its connection closes.
    const stopWaiting = onceClosed(socket, () => settle(false));
    res.once("socket", () => settle(true));
    res.once("close", () => settle(false));
  });
}

/** Calls `listener` when the socket closes. Returns how to remove it (idempotent). */
function onceClosed(socket: ClientSocket, listener: () => void): () => void {
  const group = waiting.get(socket) ?? createGroup(socket);
  group.listeners.add(listener);
  return () => {
    if (!group.listeners.delete(listener) || group.listeners.size > 0) return;
    waiting.delete(socket);
    socket.off("close", group.callAll);
  };
}

function createGroup(socket: ClientSocket): Group {
  const listeners = new Set<() => void>();
  const callAll = (): void => listeners.forEach((listener) => listener());
  const group = { listeners, callAll };
  waiting.set(socket, group);
  socket.once("close", callAll);
  return group;
}
