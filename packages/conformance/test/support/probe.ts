import type { Sink, Source, SseRequest } from "@holdfast/core";

/** What an adapter hands to core, held in the hand. */
export interface Probe {
  /** To be given to the adapter. */
  readonly source: Source;
  /** What core would be told of the request. */
  request: SseRequest | undefined;
  sink: Sink | undefined;
  drained: number;
  closed: number;
}

/**
 * A source that takes the adapter's side of the seam instead of serving anybody: a test says what is written and when
 * it ends.
 *
 * @param ready what it waits for before it begins the response
 */
export function createProbe(ready: Promise<void> = Promise.resolve()): Probe {
  type Attach = (request: SseRequest, open: (...args: OpenArguments) => Sink) => Promise<{ status: number }>;
  type OpenArguments = [number, Record<string, string>, { drained(): void; closed(): void }];

  const attach: Attach = async (request, open) => {
    probe.request = request;
    await ready;
    await new Promise<void>((resolve) => {
      const closed = (): void => {
        probe.closed++;
        resolve();
      };
      const drained = (): void => void probe.drained++;
      const sink = open(200, { "content-type": "text/event-stream" }, { drained, closed });
      probe.sink = sink;
      // As core does, without a reason: a web stream alone need not hear that its peer is gone.
      if (request.signal.aborted) sink.destroy();
      else request.signal.addEventListener("abort", () => sink.destroy(), { once: true });
    });
    return { status: 200 };
  };

  // How core knows a source that serves itself, such as a stream of a registry.
  const source = { id: "probe", [Symbol.for("holdfast.attach")]: attach } as unknown as Source;
  const probe: Probe = { source, request: undefined, sink: undefined, drained: 0, closed: 0 };
  return probe;
}
