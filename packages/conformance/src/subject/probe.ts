import type { Sink, Source, SseRequest } from "@holdfast/core";

/** What an adapter hands to core, held in the hand. */
export class Probe {
  /** To be given to the adapter. */
  readonly source: Source;
  request: SseRequest | undefined;
  sink: Sink | undefined;
  drained = 0;
  closed = 0;
  /** Whether it was closed before there was a sink. */
  early = false;

  /** @param ready what it waits for before it begins the response */
  constructor(ready: Promise<void>) {
    // How core knows a source that serves itself, such as a stream of a registry.
    const source = {
      id: "probe",
      [Symbol.for("holdfast.accept")]: (request: SseRequest, open: Open) =>
        this.#attach(ready, request, open),
    };
    this.source = source as unknown as Source;
  }

  async #attach(ready: Promise<void>, request: SseRequest, open: Open): Promise<{ status: number }> {
    this.request = request;
    await ready;
    await new Promise<void>((resolve) => {
      const closed = (): void => {
        this.closed++;
        this.early ||= this.sink === undefined;
        resolve();
      };
      const drained = (): void => void this.drained++;
      const sink = open(200, { "content-type": "text/event-stream" }, { drained, closed });
      this.sink = sink;
      // As core does, without a reason: a web stream alone need not hear that its peer is gone.
      if (request.signal.aborted) sink.destroy();
      else request.signal.addEventListener("abort", () => sink.destroy(), { once: true });
    });
    return { status: 200 };
  }
}

type Open = (
  status: number,
  headers: Record<string, string>,
  events: { drained(): void; closed(): void },
) => Sink;
