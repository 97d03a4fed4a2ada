import type { Sink, Source, SseRequest } from "@holdfast/core";

/** The state of a captured sink. */
export interface SinkState {
  readonly method: string | undefined;
  readonly cursor: string | undefined;
  readonly aborted: boolean;
  /** Whether the response has begun. */
  readonly begun: boolean;
  readonly drained: number;
  readonly closed: number;
  /** Whether `closed` was called before `open` returned the sink. */
  readonly closedEarly: boolean;
}

/** A source that captures the request and the sink that the adapter passes to core, so that a test can use them directly. */
export class SinkCapture {
  /** What the adapter is called with. */
  readonly source: Source;
  request: SseRequest | undefined;
  sink: Sink | undefined;
  /** How often the adapter called `drained`. */
  drained = 0;
  /** How often the adapter called `closed`. */
  closed = 0;
  /** Whether it called `closed` before `open` returned the sink. */
  closedEarly = false;

  /** @param ready the response begins when this resolves */
  constructor(ready: Promise<void>) {
    // Core recognises a source that serves itself by this symbol; the streams of a registry have it too.
    const source = {
      id: "sink-capture",
      [Symbol.for("holdfast.accept")]: (request: SseRequest, open: Open) =>
        this.#accept(ready, request, open),
    };
    this.source = source as unknown as Source;
  }

  async #accept(ready: Promise<void>, request: SseRequest, open: Open): Promise<{ status: number }> {
    this.request = request;
    await ready;
    await new Promise<void>((resolve) => {
      const closed = (): void => {
        this.closed++;
        this.closedEarly ||= this.sink === undefined;
        resolve();
      };
      const drained = (): void => void this.drained++;
      const sink = open(200, { "content-type": "text/event-stream" }, { drained, closed });
      this.sink = sink;
      // Core does the same, without a reason: the sink of a web stream may not notice that its client has disconnected.
      if (request.signal.aborted) sink.destroy();
      else request.signal.addEventListener("abort", () => sink.destroy(), { once: true });
    });
    return { status: 200 };
  }
}

/** The state of a sink: that of one which has no request yet if nothing is captured. */
export function stateOf(capture: SinkCapture | undefined): SinkState {
  return {
    method: capture?.request?.method,
    cursor: capture?.request?.cursor,
    aborted: capture?.request?.signal.aborted ?? false,
    begun: capture?.sink !== undefined,
    drained: capture?.drained ?? 0,
    closed: capture?.closed ?? 0,
    closedEarly: capture?.closedEarly ?? false,
  };
}

type Open = (
  status: number,
  headers: Record<string, string>,
  events: { drained(): void; closed(): void },
) => Sink;
