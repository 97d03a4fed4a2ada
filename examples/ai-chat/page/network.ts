/** How the connection of the chat stands. */
export type NetworkState = "idle" | "connected" | "cut" | "reconnecting";

/** A `fetch` whose connections can be cut, as if the network were gone. */
class Network {
  readonly #connections = new Set<AbortController>();
  readonly #listeners = new Set<() => void>();
  #isCut = false;
  #isLost = false;

  readonly fetch = async (url: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    if (this.#isCut) throw this.#lose();
    const connection = new AbortController();
    this.#connections.add(connection);
    this.#changed();
    const signals = [connection.signal, ...(init.signal ? [init.signal] : [])];
    const end = (isLost: boolean): void => {
      this.#connections.delete(connection);
      this.#isLost = isLost && init.signal?.aborted !== true;
      this.#changed();
    };
    try {
      const response = await fetch(url, { ...init, signal: AbortSignal.any(signals) });
      if (response.body === null) {
        end(false);
        return response;
      }
      return new Response(watch(response.body, end), response);
    } catch (error) {
      end(true);
      throw error;
    }
  };

  get state(): NetworkState {
    if (this.#isCut) return "cut";
    if (this.#connections.size > 0) return "connected";
    return this.#isLost ? "reconnecting" : "idle";
  }

  readonly cut = (): void => {
    this.#isCut = true;
    for (const connection of this.#connections) connection.abort(this.#lose());
    this.#changed();
  };

  readonly restore = (): void => {
    this.#isCut = false;
    this.#changed();
    // As the browser says it: clients that wait for their next attempt make it now.
    dispatchEvent(new Event("online"));
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  #lose(): TypeError {
    this.#isLost = true;
    return new TypeError("network error: cut by the page");
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const network = new Network();

/** Passes a body on, and tells its end. */
function watch(
  body: ReadableStream<Uint8Array>,
  onEnd: (isLost: boolean) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          onEnd(false);
          controller.close();
        } catch (error) {
          onEnd(true);
          controller.error(error);
        }
      },
      cancel(reason) {
        onEnd(false);
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
