import type { LookupResult } from "../stream/stream-host.ts";
import type { Connection, FrameSource } from "../connection/connection.ts";
import { endFrame, errorFrame, openFrame } from "../protocol/control-events.ts";
import { HoldfastError } from "../base/errors.ts";
import { makeEpoch, makeTerminalId, parseId } from "../protocol/event-id.ts";
import { createLatch } from "../base/latch.ts";
import { continues, startPosition } from "../stream/handshake.ts";
import type { ResolvedDelivery } from "../connection/options.ts";
import type { SnapshotOutcome } from "../stream/snapshot-poller.ts";
import type { Stream } from "../stream/stream.ts";
import type { RegistryContext, Target, RequestContext } from "./request-context.ts";

/** How long the status waits for the first answer, in ms: a 404 can only be said before the response begins. */
const STATUS_WAITS = 1_000;
/** How long a client is kept for a stream that is said to run somewhere else, in ms. */
const RUNNING_WAITS = 120_000;

/** Takes a client to its stream: at once if it is here and serves the client, else when it is found. */
export function lookUpStream(context: RequestContext): void {
  const { registry, target } = context;
  const stream = target.find();
  const isKnown = stream !== undefined && !isDoubtful(context, stream) && !isBehind(context, stream);
  if (isKnown && (registry.snapshots === undefined || context.isServedBy(stream))) context.followLog(stream);
  else new StreamLookup(context).begin(isKnown);
}

/** A stream that has ended here may be in another life elsewhere, except for its own clients. */
function isDoubtful({ registry, target }: RequestContext, stream: Stream): boolean {
  if (registry.look === undefined || stream.end === undefined) return false;
  const { cursor } = target;
  return cursor === undefined || parseId(cursor)?.epoch !== stream.log.epoch;
}

/** A client may know more of a stream that lives elsewhere than has come here yet: hints get lost, stores are slow. */
function isBehind({ registry, target, options }: RequestContext, stream: Stream): boolean {
  if (stream.end !== undefined || !registry.isReplica(stream)) return false;
  const { reset } = startPosition(stream, target.cursor, options.from);
  return reset?.reason === "ahead" || reset?.reason === "epoch";
}

/**
 * The lookUpStream for what a client came for. It has a latch of its own, on which everything is deferred: whatever decides
 * closes it, and nothing decides twice.
 */
class StreamLookup implements FrameSource {
  readonly #context: RequestContext;
  readonly #registry: RegistryContext;
  readonly #connection: Connection;
  readonly #target: Target;
  readonly #options: ResolvedDelivery;
  readonly #latch = createLatch();
  readonly #cameAt: number;
  /** What is still to be said while the client waits; bounded by one error per outage. */
  readonly #unsaid: Uint8Array[] = [];
  /** The last words, when there turns out to be nothing. */
  #gone: { readonly frame: Uint8Array; readonly error: HoldfastError } | undefined;
  #outage = false;
  #storeAway = false;
  /** Whether the store did not have it at the last look, and whether at any. */
  #missing = true;
  #missed = false;
  /** Whether the database is asked. */
  #asking = false;
  #runsSince: number | undefined;

  constructor(context: RequestContext) {
    const { registry, connection, target, options } = context;
    this.#context = context;
    this.#registry = registry;
    this.#connection = connection;
    this.#target = target;
    this.#options = options;
    this.#cameAt = registry.pool.runtime.clock.now();
    this.#latch.defer(connection.latch.defer(() => this.#latch.close()));
  }

  /**
   * Register first, then look.
   *
   * @param isKnown whether the stream is here, and the store need not be asked
   */
  begin(isKnown: boolean): void {
    const { pool, openListeners, snapshots } = this.#registry;
    const { id, kind = "stream" } = this.#target;
    const look = isKnown ? undefined : this.#registry.look;
    this.#connection.follow(this);
    this.#latch.defer(openListeners.wait(id, (opened) => this.#found(opened)));
    if (snapshots === undefined && look === undefined) return this.#goOn();
    this.#latch.defer(pool.runtime.clock.after(STATUS_WAITS, () => this.#wait()));
    if (look === undefined) this.#ask();
    else this.#latch.defer(look(id, kind, (looked) => this.#hear(looked)));
  }

  /** What the store says; a stream that is here beats it, and one that serves the client beats any snapshot. */
  #hear(looked: LookupResult): void {
    if (this.#latch.closed) return;
    const { find, id } = this.#target;
    const held = find();
    const stream = looked.state === "here" ? looked.stream : held;
    this.#missing = looked.state === "missing";
    if (looked.state !== "unknown") this.#storeAway = false;
    const isUnclear = looked.state === "unknown" && held !== undefined && isBehind(this.#context, held);
    if (stream !== undefined && !isUnclear) return this.#here(stream);
    if (looked.state === "unknown") {
      if (this.#storeAway) return;
      this.#storeAway = true;
      return this.#tell(looked.error);
    }
    if (looked.state === "full") {
      this.#registry.pool.runtime.report("failed", { id, stage: "store", error: looked.error });
      return this.#connection.reject("busy");
    }
    this.#missed = true;
    this.#ask();
  }

  #here(stream: Stream): void {
    // It was opened while the client waited.
    if (this.#missed) this.#found(stream);
    else if (this.#registry.snapshots === undefined || this.#context.isServedBy(stream)) this.#follow(stream);
    else this.#ask();
  }

  /** The database is asked, once. */
  #ask(): void {
    const { snapshots } = this.#registry;
    if (snapshots === undefined) return this.#goOn();
    if (this.#asking) return;
    this.#asking = true;
    this.#latch.defer(snapshots.join(this.#target.id, (answer) => this.#decide(answer)));
  }

  /** Says what is to be said to a client that waits. */
  pump(): void {
    while (this.#connection.ready) {
      const frame = this.#unsaid.shift();
      if (frame !== undefined) this.#connection.write(frame);
      else if (this.#gone === undefined) return;
      else this.#connection.end("ended", this.#gone.frame, { status: "failed", error: this.#gone.error });
    }
  }

  #found(stream: Stream): void {
    this.#latch.close();
    this.#context.followOpened(stream);
  }

  #follow(stream: Stream): void {
    this.#latch.close();
    this.#context.followLog(stream);
  }

  /** After an await: latch first, then the registry. A stream that serves the client beats any snapshot. */
  #decide(answer: SnapshotOutcome): void {
    if (this.#latch.closed) return;
    const stream = this.#target.find();
    if (stream !== undefined && this.#context.isServedBy(stream)) return this.#follow(stream);
    if (answer.state !== "unknown") this.#outage = false;
    if (answer.state === "finished") {
      this.#latch.close();
      return this.#context.followLog(answer.stream, "start");
    }
    if (stream !== undefined) {
      const prefix = answer.state === "running" ? answer.prefix : undefined;
      if (prefix === undefined || !continues(stream, prefix)) return this.#follow(stream);
      this.#latch.close();
      return this.#context.followBehind(stream, prefix);
    }
    if (answer.state === "unknown") return this.#tell(answer.error);
    if (answer.state === "gone") return this.#missing ? this.#sayGone() : this.#wait();
    if (answer.state === "running") this.#runsSince ??= this.#registry.pool.runtime.clock.now();
    this.#goOn();
  }

  /** Nothing is here: a source is started, which resolves this lookUpStream with all others, or the client waits. */
  #goOn(): void {
    const { startSource, pool } = this.#registry;
    const { id } = this.#target;
    if (startSource === undefined) return this.#wait();
    try {
      startSource(id);
    } catch (error) {
      pool.runtime.report("failed", { id, stage: "source", error });
      this.#connection.reject("busy");
    }
  }

  #wait(): void {
    const { waiting, maxWaiting } = this.#registry;
    const connection = this.#connection;
    if (!connection.begun) {
      if (this.#target.counted) {
        if (waiting.size >= maxWaiting) return connection.reject("busy");
        waiting.add(this);
        this.#latch.defer(() => waiting.delete(this));
      }
      const { heartbeat, control } = this.#options;
      const data = { state: "waiting", first: null, last: null, heartbeat } as const;
      this.#unsaid.push(openFrame(data, undefined, connection.retry(), control));
      connection.begin();
      connection.pump();
    }
    const until = this.#cameAt + this.#options.wait;
    connection.drainAt(Math.max(until, (this.#runsSince ?? -Infinity) + RUNNING_WAITS));
  }

  /** Tells of a failing look-up once, until it has recovered. */
  #tell(error: HoldfastError): void {
    this.#wait();
    if (this.#outage || this.#connection.latch.closed) return;
    this.#outage = true;
    this.#unsaid.push(errorFrame(error, this.#options.control));
    this.#connection.pump();
  }

  #sayGone(): void {
    this.#latch.close();
    if (!this.#connection.begun) return this.#connection.refuse(404);
    const { random } = this.#registry.pool.runtime;
    const error = new HoldfastError("GONE", "There is no such stream.");
    const frame = endFrame("failed", makeTerminalId(makeEpoch(random), 0), error, this.#options.control);
    this.#gone = { frame, error };
    this.#connection.pump();
  }
}
