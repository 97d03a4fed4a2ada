import {
  type CloseReason,
  createRegistry,
  type DeliveryOptions,
  type Gauges,
  HoldfastError,
  type Observer,
  type Registry,
  type RegistryOptions,
  type ServeOptions,
  type Snapshot,
  type Source,
  type SseEvent,
  type StreamOptions,
  type StreamWriter,
} from "@holdfast/core";
import type { Exchange } from "./exchange.ts";
import { createGate, type Gate } from "./gate.ts";
import { Probe } from "./probe.ts";
import { type BareName, bareSources, type Runs } from "./sources.ts";

type AnyEvents = Record<string, unknown>;

export interface StageOptions {
  /** Options of the registry that can be said in JSON. */
  readonly registry?: Omit<
    RegistryOptions,
    "snapshot" | "source" | "observer" | "clock" | "random" | "store"
  >;
  /** What the database answers, behind a gate if so said; `null` for "there is no such thing". @default no database */
  readonly snapshot?: { readonly answer: Snapshot<AnyEvents> | null; readonly gate?: string };
}

/** What is served under a path. */
export type Route = Served & {
  readonly options?: Omit<ServeOptions, "signal">;
  /** The signal of the application's that it is served with. */
  readonly signal?: string;
  /** Headers that are set before the adapter is called. */
  readonly earlier?: readonly (readonly [name: string, value: string])[];
  /** What the handler waits for before it calls the adapter. */
  readonly gate?: string;
};

type Served =
  | { readonly stream: string; readonly follow?: Pick<DeliveryOptions, "from" | "wait"> }
  | { readonly writer: string }
  | { readonly channel: string }
  | { readonly bare: BareName }
  /** The seam, held in the hand; what it waits for before it begins the response. */
  | { readonly probe: string; readonly ready?: string }
  /** The writer of a stream that is opened for the request, with the request's body in its first event. */
  | { readonly echo: string }
  /** What is no source. */
  | { readonly nothing: string };

/** What the server saw. */
export interface Seen {
  readonly gauges: Gauges;
  /** Calls of the adapter that are not over. */
  readonly handling: number;
  /** What calls of the adapter were rejected with. */
  readonly rejected: readonly string[];
  readonly opened: number;
  /** In the order in which the connections closed. */
  readonly closed: readonly { readonly reason: CloseReason; readonly events: number }[];
  readonly failed: readonly { readonly stage: string; readonly message: string }[];
  readonly resets: number;
  /** How often the database was asked. */
  readonly asked: number;
  readonly runs: Runs;
}

/** What the other side of the seam was told, and said. */
export interface Probed {
  readonly method: string | undefined;
  readonly cursor: string | undefined;
  readonly aborted: boolean;
  /** Whether the response has begun. */
  readonly begun: boolean;
  readonly drained: number;
  readonly closed: number;
  /** Whether it was said to be closed before it was given out. */
  readonly early: boolean;
}

/** One test's part of a server. Its methods are what the suite can ask for: all that they take and return is JSON. */
export class Stage {
  readonly #registry: Registry;
  readonly #observer: Observer;
  readonly #routes: Route[] = [];
  readonly #gates = new Map<string, Gate>();
  readonly #controllers = new Map<string, AbortController>();
  readonly #writers = new Map<string, StreamWriter<AnyEvents>>();
  readonly #probes = new Map<string, Probe>();
  readonly #runs: Runs = { begun: 0, pulled: 0, finished: 0, aborted: 0 };
  readonly #closed: { reason: CloseReason; events: number }[] = [];
  readonly #failed: { stage: string; message: string }[] = [];
  readonly #rejected: string[] = [];
  readonly #shared = new TextEncoder().encode("data: before\n\ndata: shared\n\ndata: behind\n\n");
  #opened = 0;
  #resets = 0;
  #asked = 0;
  #handling = 0;

  constructor({ registry = {}, snapshot }: StageOptions = {}) {
    this.#observer = {
      connectionOpened: () => void this.#opened++,
      connectionClosed: ({ reason, events }) => void this.#closed.push({ reason, events }),
      failed: ({ stage, error }) => void this.#failed.push({ stage, message: (error as Error).message }),
      reset: () => void this.#resets++,
    };
    this.#registry = createRegistry({
      ...registry,
      observer: this.#observer,
      ...(snapshot !== undefined && {
        snapshot: async () => {
          this.#asked++;
          if (snapshot.gate !== undefined) await this.#gate(snapshot.gate).passed;
          return snapshot.answer ?? undefined;
        },
      }),
    });
  }

  async answer(number: string, exchange: Exchange): Promise<unknown> {
    const route = this.#routes[Number(number)];
    if (route === undefined) throw new Error(`Nothing is served under ${exchange.url}.`);
    for (const [name, value] of route.earlier ?? []) exchange.setHeader?.(name, value);
    this.#handling++;
    try {
      if (route.gate !== undefined) await this.#gate(route.gate).passed;
      const source = await this.#sourceOf(route, exchange);
      return await exchange.sse(source, {
        ...("bare" in route && { observer: this.#observer }),
        ...(route.signal !== undefined && { signal: this.#controller(route.signal).signal }),
        ...route.options,
      });
    } catch (error) {
      this.#rejected.push((error as { code?: string }).code ?? String(error));
      throw error;
    } finally {
      this.#handling--;
    }
  }

  /** Serves something from now on; returns its place in the stage's path. */
  serve(route: Route): number {
    return this.#routes.push(route) - 1;
  }

  openGate(name: string): void {
    this.#gate(name).open();
  }

  /** Aborts a signal of the application's. */
  abort(signal: string): void {
    this.#controller(signal).abort();
  }

  async open(id: string, options?: StreamOptions): Promise<string> {
    const writer = await this.#registry.open(id, options);
    this.#writers.set(id, writer);
    return writer.epoch;
  }

  push(id: string, events: readonly SseEvent[]): string[] {
    const writer = this.#writer(id);
    return events.map((event) => writer.push(event));
  }

  /** Pushes so many events of so many characters; returns the number of the last. */
  pushMany(id: string, count: number, size: number): number {
    const writer = this.#writers.get(id) ?? this.#registry.channel(id);
    const data = "x".repeat(size);
    for (let pushed = 0; pushed < count; pushed++) writer.push({ data });
    return this.#registry.get(id)?.last ?? 0;
  }

  async end(id: string, last?: SseEvent): Promise<void> {
    await this.#writer(id).end(last);
  }

  /** Fails a stream with an error whose text is for the public, or is not. */
  async fail(id: string, message: string, isPublic: boolean): Promise<void> {
    const error = isPublic
      ? new HoldfastError("GONE", message, { retryable: true, retryAfter: 5_000 })
      : new Error(message);
    await this.#writer(id).fail(error);
  }

  /** Cancels a stream; returns the reason that its writer was given. */
  async cancel(id: string, reason: string): Promise<unknown> {
    await this.#registry.cancel(id, reason);
    return this.#writer(id).signal.reason;
  }

  say(channel: string, events: readonly SseEvent[]): void {
    for (const event of events) this.#registry.channel(channel).push(event);
  }

  /** The life of an id, its last event and its readers, if it is there. */
  info(id: string): { epoch: string; last: number; readers: number } | null {
    const info = this.#registry.get(id);
    return info === undefined ? null : { epoch: info.epoch, last: info.last, readers: info.readers };
  }

  /** Begins to close the registry. */
  close(): void {
    void this.#registry.close();
  }

  /** Nothing: an answer says that the server has had its turn. */
  turn(): void {}

  seen(): Seen {
    return {
      gauges: this.#registry.gauges(),
      handling: this.#handling,
      rejected: this.#rejected,
      opened: this.#opened,
      closed: this.#closed,
      failed: this.#failed,
      resets: this.#resets,
      asked: this.#asked,
      runs: this.#runs,
    };
  }

  /** Forgets the failures, which were meant. */
  forgive(): void {
    this.#failed.length = 0;
    this.#rejected.length = 0;
  }

  probed(name: string): Probed {
    const probe = this.#probes.get(name);
    return {
      method: probe?.request?.method,
      cursor: probe?.request?.cursor,
      aborted: probe?.request?.signal.aborted ?? false,
      begun: probe?.sink !== undefined,
      drained: probe?.drained ?? 0,
      closed: probe?.closed ?? 0,
      early: probe?.early ?? false,
    };
  }

  /** Writes a text so many times, as long as the sink takes it; returns how many times it took it or said hold. */
  write(name: string, text: string, times = 1): { written: number; taken: boolean } {
    const sink = this.#probes.get(name)?.sink;
    const bytes = new TextEncoder().encode(text);
    for (let written = 1; written <= times; written++) {
      if (sink?.write(bytes) !== true) return { written, taken: false };
    }
    return { written: times, taken: true };
  }

  /** Writes a part of the memory that is shared, twice. */
  writeShared(name: string): void {
    for (let time = 0; time < 2; time++) this.#probes.get(name)?.sink?.write(this.#shared.subarray(14, 28));
  }

  /** What stands in the memory that is shared. */
  shared(): string {
    return new TextDecoder().decode(this.#shared);
  }

  /** Ends what was begun: `close` in order, `destroy` with a reason, `leave` without. */
  over(name: string, ...ways: readonly ("close" | "destroy" | "leave")[]): void {
    const sink = this.#probes.get(name)?.sink;
    for (const way of ways) {
      if (way === "close") sink?.close();
      else sink?.destroy(way === "destroy" ? new Error("The response was cut.") : undefined);
    }
  }

  /** Closes the registry, and says what is left in it. */
  async finish(): Promise<Gauges> {
    for (const gate of this.#gates.values()) gate.open();
    await this.#registry.close();
    return this.#registry.gauges();
  }

  async #sourceOf(route: Route, { body = "" }: Exchange): Promise<Source> {
    if ("stream" in route) return this.#registry.stream(route.stream, route.follow);
    if ("writer" in route) return this.#writer(route.writer);
    if ("channel" in route) return this.#registry.channel(route.channel);
    if ("bare" in route) return bareSources[route.bare](this.#runs, this.#gate(route.bare));
    if ("nothing" in route) return route.nothing as unknown as Source;
    if ("echo" in route) {
      await this.open(route.echo);
      this.push(route.echo, [{ event: "echo", data: body }]);
      return this.#writer(route.echo);
    }
    const probe = new Probe(route.ready === undefined ? Promise.resolve() : this.#gate(route.ready).passed);
    this.#probes.set(route.probe, probe);
    return probe.source;
  }

  #writer(id: string): StreamWriter<AnyEvents> {
    const writer = this.#writers.get(id);
    if (writer === undefined) throw new Error(`Nobody opened ${id}.`);
    return writer;
  }

  #controller(signal: string): AbortController {
    const controller = this.#controllers.get(signal) ?? new AbortController();
    this.#controllers.set(signal, controller);
    return controller;
  }

  #gate(name: string): Gate {
    const gate = this.#gates.get(name) ?? createGate();
    this.#gates.set(name, gate);
    return gate;
  }
}
