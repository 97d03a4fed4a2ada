/** A network between a `fetch` and a server in this process, whose responses can be cut. */
export interface Network {
  readonly fetch: typeof globalThis.fetch;
  /** The requests that have reached the server: method and path. */
  readonly requests: readonly string[];
  /** Cuts all open responses, at once or within their next chunk, of which this part still arrives. */
  cut(part?: number): void;
  /** Loses the next response: the server processes the request, and the client gets nothing. */
  loseNext(): void;
  /** Loses the next request before it reaches the server. */
  dropNext(): void;
  /** From now on requests reach another server. Returns the one before. */
  redirect(server: Handle): Handle;
}

type Handle = (request: Request) => Response | Promise<Response>;

export function createNetwork(handle: Handle): Network {
  let server = handle;
  const bodies = new Set<(part?: number) => void>();
  const requests: string[] = [];
  let losesNext = false;
  let dropsNext = false;

  async function fetchIt(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    const { signal, ...rest } = init;
    signal?.throwIfAborted();
    const connection = new AbortController();
    const request = new Request(input, {
      ...rest,
      signal: connection.signal,
    });
    requests.push(`${request.method} ${new URL(request.url).pathname}`);
    if (dropsNext) {
      dropsNext = false;
      throw new TypeError("fetch failed");
    }
    const isLost = losesNext;
    losesNext = false;
    const response = await server(request);
    if (isLost || signal?.aborted === true) {
      connection.abort();
      await response.body?.cancel().catch(() => undefined);
      signal?.throwIfAborted();
      throw new TypeError("fetch failed");
    }
    if (response.body === null) return response;
    const body = wrap(response.body, connection, signal ?? undefined);
    return new Response(body, { status: response.status, headers: response.headers });
  }

  function wrap(
    body: ReadableStream<Uint8Array>,
    connection: AbortController,
    signal: AbortSignal | undefined,
  ): ReadableStream<Uint8Array> {
    const reader = body.getReader();
    let nextPart: number | undefined;
    let fail = (_error: unknown): void => undefined;
    const leave = (error: unknown): void => {
      bodies.delete(cut);
      connection.abort();
      reader.cancel().catch(() => undefined);
      fail(error);
    };
    const cut = (part?: number): void => {
      if (part === undefined) leave(new TypeError("terminated"));
      else nextPart = part;
    };
    bodies.add(cut);
    return new ReadableStream<Uint8Array>({
      start(controller) {
        fail = (error) => controller.error(error);
        signal?.addEventListener("abort", () => leave(signal.reason));
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!bodies.has(cut)) return;
          if (done) {
            bodies.delete(cut);
            return controller.close();
          }
          controller.enqueue(
            nextPart === undefined ? value : value.slice(0, Math.floor(value.length * nextPart)),
          );
          // The part has to be read before the stream fails, which drops what waits.
          if (nextPart !== undefined) queueMicrotask(() => leave(new TypeError("terminated")));
        } catch (error) {
          bodies.delete(cut);
          // A body that the server cuts.
          controller.error(new TypeError("terminated", { cause: error }));
        }
      },
      cancel: (reason) => leave(reason),
    });
  }

  return {
    fetch: fetchIt,
    requests,
    cut: (part) => [...bodies].forEach((cutOne) => cutOne(part)),
    loseNext: () => void (losesNext = true),
    dropNext: () => void (dropsNext = true),
    redirect(other) {
      const before = server;
      server = other;
      return before;
    },
  };
}
