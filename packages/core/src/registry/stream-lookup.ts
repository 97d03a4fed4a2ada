import { HoldfastError } from "../base/errors.ts";
import { createLatch } from "../base/latch.ts";
import type { ClientConnection } from "../connection/client-connection.ts";
import type { FrameSource } from "../connection/frame-source.ts";
import { endFrame, errorFrame, openFrame } from "../protocol/control-events.ts";
import { lastOf, type StartPosition } from "../protocol/cursor.ts";
import { makeEpoch, makeTerminalId, parseId } from "../protocol/event-id.ts";
import { continues } from "../stream/handshake.ts";
import type { SnapshotOutcome } from "../stream/snapshot-poller.ts";
import type { Stream } from "../stream/stream.ts";
import type { LookupResult } from "../stream/stream-host.ts";
import type { RegistryContext, RequestContext, Target } from "./request-context.ts";

/**
 * How long the status is held back for the first result of a look-up, in ms: a 404 is possible only before the response
 * has begun.
 */
const STATUS_TIMEOUT = 1_000;
/** How long a client waits for a stream that the database says is running, but that is not here, in ms. */
const RUNNING_WAIT = 120_000;

/** Serves a client from its stream: at once if the stream is here and has what the client needs, else when it is found. */
export function lookUpStream(request: RequestContext): void {
  const { registry, target } = request;
  const stream = target.find();
  const start = stream && request.startIn(stream);
  if (stream === undefined || start === undefined || !isCurrent(request, stream, start)) {
    new StreamLookup(request).start(false);
  } else if (registry.snapshots === undefined || start.reset === undefined) {
    request.serveFromLog(stream, start);
  } else {
    new StreamLookup(request).start(true);
  }
}

/** Whether the store need not be asked for news of a stream that is held here. */
function isCurrent(request: RequestContext, stream: Stream, start: StartPosition): boolean {
  const { registry, target } = request;
  if (stream.end === undefined) return !isBehindClient(request, stream, start);
  // A stream that has ended here may be in another life elsewhere, except for clients that know this life.
  const epoch = target.cursor === undefined ? undefined : parseId(target.cursor)?.epoch;
  const isOwnLife = epoch !== undefined && lastOf(stream.bounds, epoch) !== undefined;
  return registry.host.look === undefined || isOwnLife;
}

/** Whether the client has seen more of a replica than this process: hints get lost, and stores are slow. */
function isBehindClient({ registry }: RequestContext, stream: Stream, { reset }: StartPosition): boolean {
  if (stream.end !== undefined || !registry.table.isReplica(stream)) return false;
  return reset?.reason === "ahead" || reset?.reason === "epoch";
}

/**
 * The look-up of a stream for a client that waits for it. Everything is deferred to a latch of its own: whatever decides
 * closes the latch, and nothing decides twice.
 */
class StreamLookup implements FrameSource {
  readonly #request: RequestContext;
  readonly #registry: RegistryContext;
  readonly #connection: ClientConnection;
  readonly #target: Target;
  readonly #latch = createLatch();
  /** Until when the client waits, and whether this time is over. */
  #until: number;
  #isWaitOver = false;
  #cancelTimer: () => void = () => undefined;
  /** Frames for the waiting client; bounded, since there is one error per outage. */
  readonly #frames: Uint8Array[] = [];
  /** Whether there is no such stream. If it is opened before the client is told, the client gets it after all. */
  #isGone = false;
  #isErrorWritten = false;
  #isStoreAway = false;
  /** Whether the store did not have the stream at its last answer, and whether at any. */
  #isMissing = true;
  #wasMissing = false;
  #asksSnapshot = false;
  #isRunning = false;

  constructor(request: RequestContext) {
    const { registry, connection, target, options } = request;
    this.#request = request;
    this.#registry = registry;
    this.#connection = connection;
    this.#target = target;
    this.#until = registry.runtime.clock.now() + options.wait;
    this.#latch.defer(connection.latch.defer(() => this.#latch.close()));
    this.#latch.defer(() => this.#cancelTimer());
  }

  /**
   * Registers first, then looks.
   *
   * @param isKnown whether the stream is here, so that the store need not be asked
   */
  start(isKnown: boolean): void {
    const { runtime, host, openListeners, snapshots } = this.#registry;
    const { id, kind, cursor } = this.#target;
    this.#connection.setSource(this);
    this.#latch.defer(openListeners.add(id, (stream) => this.#serveOpened(stream)));
    if (snapshots === undefined && (isKnown || host.look === undefined)) return this.#startSource();
    this.#latch.defer(runtime.clock.after(STATUS_TIMEOUT, () => this.#wait()));
    if (isKnown || host.look === undefined) this.#askSnapshot();
    else {
      // A look-up that began earlier may not know the last event of this client.
      const isFresh = cursor !== undefined;
      this.#latch.defer(host.look(id, kind, (result) => this.#onStoreResult(result), isFresh));
    }
  }

  /** Writes what a waiting client is to be told. */
  pump(): void {
    while (this.#connection.ready) {
      const frame = this.#frames.shift();
      if (frame !== undefined) this.#connection.write(frame);
      else if (this.#isGone) this.#sendGone();
      else return;
    }
  }

  #onStoreResult(result: LookupResult): void {
    if (this.#latch.closed) return;
    const { find, id } = this.#target;
    const held = find();
    const stream = result.state === "here" ? result.stream : held;
    this.#isMissing = result.state === "missing";
    if (result.state !== "unknown") this.#isStoreAway = false;
    const isUncertain =
      result.state === "unknown" &&
      held !== undefined &&
      isBehindClient(this.#request, held, this.#request.startIn(held));
    if (stream !== undefined && !isUncertain) return this.#onStreamFound(stream);
    if (result.state === "unknown") {
      if (this.#isStoreAway) return;
      this.#isStoreAway = true;
      return this.#writeError(result.error);
    }
    if (result.state === "full") {
      this.#registry.runtime.report("failed", { id, stage: "store", error: result.error });
      return this.#connection.reject();
    }
    this.#wasMissing = true;
    this.#askSnapshot();
  }

  #onStreamFound(stream: Stream): void {
    // It was opened while the client waited.
    if (this.#wasMissing) return this.#serveOpened(stream);
    const start = this.#request.startIn(stream);
    if (this.#registry.snapshots === undefined || start.reset === undefined) {
      this.#serveFromLog(stream, start);
    } else this.#askSnapshot();
  }

  /** Joins the snapshot poller, once. */
  #askSnapshot(): void {
    const { snapshots } = this.#registry;
    if (snapshots === undefined) return this.#startSource();
    if (this.#asksSnapshot) return;
    this.#asksSnapshot = true;
    const options = { group: this.#connection.labels.key };
    this.#latch.defer(snapshots.join(this.#target.id, (outcome) => this.#onSnapshot(outcome), options));
  }

  /** A stream here that has what the client needs takes precedence over any snapshot. */
  #onSnapshot(outcome: SnapshotOutcome): void {
    if (this.#latch.closed) return;
    const stream = this.#target.find();
    const start = stream && this.#request.startIn(stream);
    if (stream !== undefined && start !== undefined && start.reset === undefined) {
      return this.#serveFromLog(stream, start);
    }
    this.#isGone = false;
    if (outcome.state !== "unknown") this.#isErrorWritten = false;
    if (outcome.state === "finished") {
      return this.#serveFromLog(outcome.stream, this.#request.startIn(outcome.stream, "start"));
    }
    if (stream !== undefined && start !== undefined) {
      const prefix = outcome.state === "running" ? outcome.prefix : undefined;
      if (prefix === undefined || !continues(stream, prefix)) return this.#serveFromLog(stream, start);
      this.#latch.close();
      return this.#request.serveFromSnapshot(stream, prefix, start);
    }
    if (outcome.state === "unknown") return this.#writeError(outcome.error);
    if (outcome.state === "gone") return this.#isMissing ? this.#endAsGone() : this.#wait();
    if (outcome.state === "running" && !this.#isRunning) {
      this.#isRunning = true;
      this.#until = Math.max(this.#until, this.#registry.runtime.clock.now() + RUNNING_WAIT);
    }
    this.#startSource();
  }

  #serveOpened(stream: Stream): void {
    this.#latch.close();
    this.#request.serveOpened(stream);
  }

  #serveFromLog(stream: Stream, start: StartPosition): void {
    this.#latch.close();
    this.#request.serveFromLog(stream, start);
  }

  /** Nothing is here: starts a source, which calls the open listeners and so ends this look-up; else the client waits. */
  #startSource(): void {
    const { startSource, runtime } = this.#registry;
    const { id } = this.#target;
    if (startSource === undefined) return this.#wait();
    try {
      startSource(id);
    } catch (error) {
      runtime.report("failed", { id, stage: "source", error });
      this.#connection.reject();
    }
  }

  #wait(): void {
    const { waiting, maxWaiting } = this.#registry;
    if (!this.#connection.started) {
      if (this.#target.counted) {
        if (waiting.size >= maxWaiting) return this.#connection.reject();
        waiting.add(this);
        this.#latch.defer(() => waiting.delete(this));
      }
      const { heartbeat, control } = this.#connection.options;
      const data = { state: "waiting", first: null, last: null, heartbeat } as const;
      this.#frames.push(openFrame(data, undefined, this.#connection.retryDelay(), control));
      this.#connection.start();
      this.#connection.pump();
    }
    this.#setTimer();
  }

  #setTimer(): void {
    const { clock } = this.#registry.runtime;
    this.#cancelTimer();
    if (this.#until === Infinity || this.#isWaitOver || this.#latch.closed) return;
    this.#cancelTimer = clock.after(this.#until - clock.now(), () => {
      // A timer may fire a little early, and at the latest after some weeks.
      if (clock.now() < this.#until) this.#setTimer();
      else this.#endWait();
    });
  }

  /** Either the client is told that there is no such stream, or it is asked to reconnect, and waits again. */
  #endWait(): void {
    const { host, unopened } = this.#registry;
    const { id, kind, counted } = this.#target;
    this.#isWaitOver = true;
    if (this.#canBeGone) {
      if (host.look === undefined) return this.#endAsGone();
      const onLook = ({ state }: LookupResult): void => {
        if (state === "missing") this.#endAsGone();
        // A consumer in this process cannot wait anywhere else.
        else if (counted) this.#connection.drain("waiting");
      };
      this.#latch.defer(host.look(id, kind, onLook, true));
      return;
    }
    const isUnopened = host.look === undefined || (this.#wasMissing && this.#isMissing);
    if (isUnopened && this.#needsOpen) unopened.check(id);
    this.#connection.drain("waiting");
  }

  /**
   * Whether the stream will not come any more if it is nowhere after `wait`: the client has read it, so that it was
   * opened, and is forgotten; or the client cannot reconnect.
   */
  get #canBeGone(): boolean {
    const { cursor, counted } = this.#target;
    const isOfLife = cursor !== undefined && parseId(cursor) !== undefined;
    return this.#needsOpen && (isOfLife || !counted);
  }

  /** Whether the stream can only come by an `open`. */
  get #needsOpen(): boolean {
    const { snapshots, startSource } = this.#registry;
    return this.#target.kind === "stream" && snapshots === undefined && startSource === undefined;
  }

  /** Tells the client of a failing look-up, once per outage. */
  #writeError(error: HoldfastError): void {
    this.#wait();
    if (this.#isErrorWritten || this.#connection.latch.closed) return;
    this.#isErrorWritten = true;
    this.#frames.push(errorFrame(error, this.#connection.options.control));
    this.#connection.pump();
  }

  #endAsGone(): void {
    if (!this.#connection.started) return this.#connection.respondEmpty(404);
    this.#isGone = true;
    this.#connection.pump();
  }

  #sendGone(): void {
    const error = new HoldfastError("GONE", "There is no such stream.");
    const id = makeTerminalId(makeEpoch(this.#registry.runtime.random), 0);
    const frame = endFrame("lost", id, error, this.#connection.options.control);
    this.#connection.cut("ended", frame, { status: "lost", error });
  }
}
