import {
  type ConnectionInfo,
  type ControlEvent,
  createRegistry,
  type Gauges,
  HoldfastError,
  type OpenOptions,
  type Registry,
  type Source,
  type SseEvent,
  type StreamWriter,
} from "@holdfast/core";
import { multiplex } from "@holdfast/core/multiplex";
import { createFakeClock } from "@holdfast/core/testing";
import { bareSources } from "./bare-sources.ts";
import { type Barrier, createBarrier } from "./barrier.ts";
import type { Exchange } from "./exchange.ts";
import { type Observed, Recorder } from "./recorder.ts";
import type { AnyEvents, Route, TestServerOptions } from "./route.ts";
import { SinkCapture, type SinkState, stateOf } from "./sink-capture.ts";

/** `close` ends the response, `cut` cuts it behind what was written; `destroy` cuts it now with a reason, `abandon` without. */
export type SinkEnd = "close" | "cut" | "destroy" | "abandon";

/** The `control` function of a route: it has words of its own for errors and ends, and none for the rest. */
function inBand(event: ControlEvent): SseEvent | undefined {
  if (event.event === "stream.error") return { event: "failure", data: event.data.code };
  return event.event === "stream.end" ? { data: `[${event.data.status}]` } : undefined;
}

/**
 * One test's part of the server under test: a registry, and the routes that the test serves. The suite calls its methods
 * by message, so their arguments and results are JSON.
 */
export class TestServer {
  readonly #registry: Registry;
  readonly #recorder = new Recorder();
  readonly #routes: Route[] = [];
  readonly #barriers = new Map<string, Barrier>();
  readonly #controllers = new Map<string, AbortController>();
  readonly #writers = new Map<string, StreamWriter<AnyEvents>>();
  readonly #sinks = new Map<string, SinkCapture>();
  readonly #sharedBuffer = new TextEncoder().encode("data: before\n\ndata: shared\n\ndata: behind\n\n");

  readonly #clock = createFakeClock();

  constructor({ registry = {}, snapshot, clock, latestByName }: TestServerOptions = {}) {
    this.#registry = createRegistry({
      ...registry,
      ...(clock === "fake" && { clock: this.#clock }),
      observer: this.#recorder.observer,
      ...(latestByName === true && { latestBy: ({ event }) => event }),
      ...(snapshot !== undefined && {
        snapshot: async () => {
          this.#recorder.snapshots++;
          if (snapshot.barrier !== undefined) await this.#barrier(snapshot.barrier).opened;
          return snapshot.answer ?? undefined;
        },
      }),
    });
  }

  /** Answers a request. The only method that is not called by message. */
  async answer(index: string, exchange: Exchange): Promise<unknown> {
    const route = this.#routes[Number(index)];
    if (route === undefined) throw new Error(`No test serves anything under ${exchange.url}.`);
    for (const [name, value] of route.earlierHeaders ?? []) exchange.setHeader?.(name, value);
    this.#recorder.calls++;
    this.#recorder.pendingCalls++;
    try {
      if (route.barrier !== undefined) await this.#barrier(route.barrier).opened;
      const source = await this.#sourceOf(route, exchange);
      const { control, ...options } = route.options ?? {};
      return await exchange.sse(source, {
        ...("bare" in route && { observer: this.#recorder.observer }),
        ...(route.isRegistered === true && { registry: this.#registry }),
        onClose: (info) => void this.#recorder.closeInfos.push(info),
        ...(route.signal !== undefined && { signal: this.#controller(route.signal).signal }),
        ...options,
        ...(control !== undefined && { control: control === "function" ? inBand : control }),
      });
    } catch (error) {
      this.#recorder.rejected.push((error as { code?: string }).code ?? String(error));
      throw error;
    } finally {
      this.#recorder.pendingCalls--;
    }
  }

  /** Adds a route; returns its index, which is part of its path. */
  serve(route: Route): number {
    return this.#routes.push(route) - 1;
  }

  openBarrier(name: string): void {
    this.#barrier(name).open();
  }

  /** Aborts a signal of the application. */
  abort(signal: string): void {
    this.#controller(signal).abort();
  }

  async open(id: string, options?: OpenOptions): Promise<string> {
    const writer = await this.#registry.open(id, options);
    this.#writers.set(id, writer);
    return writer.epoch;
  }

  push(id: string, events: readonly SseEvent[]): (string | undefined)[] {
    const writer = this.#writer(id);
    return events.map((event) => writer.push(event));
  }

  /** Pushes `count` events of `size` characters to a stream or a channel; returns the sequence number of the last. */
  pushMany(id: string, count: number, size: number): number {
    const writer = this.#writers.get(id) ?? this.#registry.channel(id);
    const data = "x".repeat(size);
    for (let pushed = 0; pushed < count; pushed++) writer.push({ data });
    return this.#registry.get(id)?.last ?? 0;
  }

  async end(id: string, last?: SseEvent): Promise<void> {
    await this.#writer(id).end(last);
  }

  /** Fails a stream: with a `HoldfastError`, whose message clients may read, or with an internal error. */
  async fail(id: string, message: string, isPublic: boolean): Promise<void> {
    const error = isPublic
      ? new HoldfastError("GONE", message, { retryable: true, retryAfter: 5_000 })
      : new Error(message);
    await this.#writer(id).fail(error);
  }

  /** Cancels a stream; returns the reason of its writer's signal. */
  async cancel(id: string, reason: string): Promise<unknown> {
    await this.#registry.cancel(id, reason);
    return this.#writer(id).signal.reason;
  }

  pushToChannel(channel: string, events: readonly SseEvent[]): void {
    for (const event of events) this.#registry.channel(channel).push(event);
  }

  /** Deletes a key of a channel, with an event that says so if there is one. */
  deleteKey(channel: string, key: string, event?: SseEvent): void {
    this.#registry.channel(channel).delete(key, event);
  }

  /** The status, the epoch, the last sequence number and the number of readers of an id, or `null`. */
  info(id: string): { status: string; epoch: string; last: number; readers: number } | null {
    const info = this.#registry.get(id);
    if (info === undefined) return null;
    const { status, epoch, last, readers } = info;
    return { status, epoch, last, readers };
  }

  /** The open connections of the registry, or those with a key. */
  connections(key?: string): ConnectionInfo[] {
    return this.#registry.connections(key);
  }

  /** Disconnects those with a key. */
  async disconnect(key: string, reason?: string): Promise<void> {
    await this.#registry.disconnect(key, reason);
  }

  /** Begins to close the registry. */
  closeRegistry(): void {
    void this.#registry.close();
  }

  /** Does nothing: its reply shows that the server's event loop has gone round. */
  ping(): void {}

  /** Lets time pass on the fake clock. */
  async advance(ms: number): Promise<void> {
    await this.#clock.advance(ms);
  }

  observed(): Observed {
    return this.#recorder.observed(this.#registry.gauges());
  }

  /** Forgets the failures and rejections that a test expected. */
  clearFailures(): void {
    this.#recorder.clearFailures();
  }

  sinkState(name: string): SinkState {
    return stateOf(this.#sinks.get(name));
  }

  /** Writes a text up to `times` times, until `write` returns `false`; returns the number of writes and the last result. */
  writeToSink(name: string, text: string, times = 1): { written: number; accepted: boolean } {
    const sink = this.#sinks.get(name)?.sink;
    const bytes = new TextEncoder().encode(text);
    for (let written = 1; written <= times; written++) {
      if (sink?.write(bytes) !== true) return { written, accepted: false };
    }
    return { written: times, accepted: true };
  }

  /** Writes the middle event of the shared buffer, twice. */
  writeSharedBuffer(name: string): void {
    const middle = this.#sharedBuffer.subarray(14, 28);
    for (let time = 0; time < 2; time++) this.#sinks.get(name)?.sink?.write(middle);
  }

  /** The content of the shared buffer. */
  sharedBuffer(): string {
    return new TextDecoder().decode(this.#sharedBuffer);
  }

  /** Writes a text, and ends the response in the same turn. */
  writeAndEndSink(name: string, text: string, end: SinkEnd): void {
    this.writeToSink(name, text);
    this.endSink(name, end);
  }

  /** Ends a response in each of these ways. */
  endSink(name: string, ...ends: readonly SinkEnd[]): void {
    const sink = this.#sinks.get(name)?.sink;
    for (const end of ends) {
      if (end === "close") sink?.close();
      else if (end === "cut") sink?.cut(new Error("The response was cut."));
      else sink?.destroy(end === "destroy" ? new Error("The response was cut.") : undefined);
    }
  }

  /** Closes the registry; returns what is left in it. */
  async finish(): Promise<Gauges> {
    for (const barrier of this.#barriers.values()) barrier.open();
    await this.#registry.close();
    return this.#registry.gauges();
  }

  async #sourceOf(route: Route, { body = "" }: Exchange): Promise<Source> {
    if ("stream" in route) return this.#registry.stream(route.stream, route.follow);
    if ("writer" in route) return this.#writer(route.writer);
    if ("channel" in route) return this.#registry.channel(route.channel);
    if ("bare" in route) return bareSources[route.bare](this.#recorder.runs, this.#barrier(route.bare));
    if ("members" in route) {
      const { streams, channels } = route.members;
      return multiplex((member) => {
        if (streams.includes(member)) return this.#registry.stream(member);
        return channels.includes(member) ? this.#registry.channel(member) : 404;
      });
    }
    if ("invalid" in route) return route.invalid as unknown as Source;
    if ("echo" in route) {
      await this.open(route.echo);
      this.push(route.echo, [{ event: "echo", data: body }]);
      return this.#writer(route.echo);
    }
    const ready = route.ready === undefined ? Promise.resolve() : this.#barrier(route.ready).opened;
    const capture = new SinkCapture(ready);
    this.#sinks.set(route.sink, capture);
    return capture.source;
  }

  #writer(id: string): StreamWriter<AnyEvents> {
    const writer = this.#writers.get(id);
    if (writer === undefined) throw new Error(`The test has not opened the stream ${id}.`);
    return writer;
  }

  #controller(signal: string): AbortController {
    const controller = this.#controllers.get(signal) ?? new AbortController();
    this.#controllers.set(signal, controller);
    return controller;
  }

  #barrier(name: string): Barrier {
    const barrier = this.#barriers.get(name) ?? createBarrier();
    this.#barriers.set(name, barrier);
    return barrier;
  }
}
