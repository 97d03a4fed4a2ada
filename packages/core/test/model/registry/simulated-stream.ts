import type { AnyEvents } from "../../../src/protocol/event.ts";
import type { Registry } from "../../../src/registry/types.ts";
import type { IfExists } from "../../../src/stream/stream-host.ts";
import type { StreamWriter } from "../../../src/stream/writer.ts";
import type { FakeClock } from "../../../src/testing/index.ts";
import { lastEvent } from "../epochs.ts";
import { CHANNEL_ID, type Failure } from "./history.ts";
import type { ReferenceModel, StreamRecord } from "./reference-model.ts";
import { SimulatedInterruption } from "./simulated-interruption.ts";
import { end, errorOf, fail, macrotask, type Producer, push, windowAfter } from "./simulated-producer.ts";
import { SimulatedSource } from "./simulated-source.ts";

export interface SimulatedStreamOptions {
  readonly clock: FakeClock;
  readonly model: ReferenceModel;
  readonly limits: { readonly linger: number; readonly idle: number };
  readonly registry: () => Registry;
  readonly shutdown: () => Shutdown;
  /** The data of the next event. */
  readonly nextData: () => string;
  /** Whether somebody reads this epoch. */
  readonly isRead: (record: StreamRecord) => boolean;
  /** Whether the database has a query for the stream that somebody waits for. */
  readonly isAsked: () => boolean;
  /** Whether such a query is due, since the answer to the one before was out of date. */
  readonly isAskedAgain: () => boolean;
  /** Whether such a query was given up a moment ago. */
  readonly wasAsked: () => boolean;
  /** Whether somebody may wait for what the database knows of the stream. */
  readonly isWaitedFor: () => boolean;
  /** Reports a violation from a callback, whose errors the registry would swallow. */
  readonly report: (error: Error) => Error;
}

/** How a writer opens the stream. */
interface Opening {
  readonly ifExists: IfExists;
  readonly retryWindow: number;
  /** Whether it reads a source by `pipe`. */
  readonly isPiped: boolean;
  /** Whether it ends the stream at once. */
  readonly isEmpty?: boolean;
}

/** How far the registry has closed. */
export interface Shutdown {
  readonly hasBegun: boolean;
  /** When the time is over that it gives the streams that were opened here. */
  readonly graceEndsAt: number;
  /** Whether it waits for no stream any more. */
  readonly isGraceOver: boolean;
}

/** How a stream stands when the database is asked about it. */
export interface Question {
  readonly askedAt: number;
  readonly interruption: SimulatedInterruption | undefined;
  /** Changes when the stream may have lost all its readers. */
  readonly gap: number;
  readonly isRead: boolean;
}

/** After which time a source that has failed is started again at the earliest, in ms, and what it may take longer. */
const RESTART_AFTER = 1_000;
const LONGEST_BACKOFF = 29_000;

/** The producers of one stream, and how the stream must stand because of what they have done. */
export class SimulatedStream {
  readonly id: string;
  readonly #options: SimulatedStreamOptions;
  #producer: Producer | undefined;
  /** The producers that have lost the stream to another one. */
  readonly #earlier: Producer[] = [];
  #interruption: SimulatedInterruption | undefined;
  /** When a cancel with `grace` ends the stream. */
  #cancelledAt: number | undefined;
  /** When the latest event was pushed, or the stream was opened. */
  #activeAt = 0;
  /** Since when a source on demand has no reader. */
  #unreadSince: number | undefined;
  #gap = 0;
  /** How often in a row the source has failed, and then again without an event. */
  #failures = 0;
  /** How the next sources of the registry fail at once. */
  readonly #brokenSources: ("final" | "retried")[] = [];

  constructor(id: string, options: SimulatedStreamOptions) {
    this.id = id;
    this.#options = options;
  }

  /** What the latest producer has pushed. */
  get record(): StreamRecord | undefined {
    return this.#producer?.record;
  }

  /** Whether an application has opened the stream, and it is live. */
  get isProducedHere(): boolean {
    return this.#producer?.writer !== undefined && this.#producer.record.status === undefined;
  }

  async open({ ifExists, retryWindow, isPiped, isEmpty = false }: Opening): Promise<void> {
    const { registry, model } = this.#options;
    const refusal = this.#refusal(ifExists);
    const producer = this.#producer;
    const isTakenOver = refusal === undefined && this.#isUnfinished;
    if (isTakenOver) this.#loseProducer();
    let writer: StreamWriter<AnyEvents>;
    try {
      writer = await registry().open(this.id, { ifExists, retryWindow });
    } catch (error) {
      if ((error as { code?: string }).code !== refusal) throw error;
      return;
    }
    if (refusal !== undefined) throw new Error("A stream was opened that must be refused");
    const isContinued = isTakenOver && ifExists === "append";
    if (!isContinued) this.#cancelledAt = undefined;
    const record = model.open(writer.epoch, isContinued ? producer?.record : undefined);
    if (writer.last !== record.base)
      throw new Error(`A stream with ${record.base} events was opened at event ${writer.last}`);
    const source = isPiped ? new SimulatedSource() : undefined;
    const begun = this.#begin({ record, signal: writer.signal, writer, source, retryWindow });
    if (source !== undefined) void writer.pipe(source).then((status) => this.#checkPiped(begun, status));
    if (isEmpty) await this.end();
  }

  async push(count: number): Promise<void> {
    const producer = this.#producer;
    if (producer === undefined) return;
    for (let pushed = 0; pushed < count; pushed++) {
      const isTaken =
        producer.source === undefined ? this.#pushNow(producer) : await this.#emit(producer, producer.source);
      if (isTaken) this.#activeAt = this.#options.clock.now();
    }
  }

  async end(): Promise<void> {
    const producer = this.#producer;
    if (producer === undefined || this.#isStopping(producer)) return;
    if (producer.record.status === undefined) this.#leave(producer, "done");
    await end(producer);
  }

  async fail(how: Failure): Promise<void> {
    const producer = this.#producer;
    if (producer === undefined || this.#isStopping(producer)) return;
    if (producer.record.status === undefined) this.#leave(producer, windowAfter(how, producer));
    await fail(producer, how);
  }

  async cancel(grace: number): Promise<void> {
    const { clock, registry, shutdown } = this.#options;
    const producer = this.#producer;
    const isUnfinished = this.#isUnfinished;
    if (producer !== undefined && isUnfinished) {
      const isAtOnce = grace === 0 || this.#interruption !== undefined;
      if (isAtOnce) this.#finish(producer.record, "cancelled");
      else this.#cancelledAt = clock.now() + grace;
    }
    const wasLive = await registry().cancel(this.id, "user", { grace });
    if (producer !== undefined && wasLive !== isUnfinished && !shutdown().hasBegun)
      throw new Error(`A cancel says that the stream was ${wasLive ? "live" : "over"}`);
  }

  /** A producer that has lost the stream does something, which must have no effect. */
  async actLate(how: "push" | "end" | "fail"): Promise<void> {
    const late = this.#earlier.at(-1);
    if (late === undefined) return;
    if (how === "end") await end(late);
    else if (how === "fail") await fail(late, "error");
    else if (late.source !== undefined) late.source.emit({ event: this.#event() });
    else if (push(late, this.#options.nextData()) !== undefined)
      throw new Error("A push was taken of a producer that has lost its stream");
    await macrotask();
  }

  breakSource(isRetried: boolean): void {
    this.#brokenSources.push(isRetried ? "retried" : "final");
  }

  /** The registry's `source` function. */
  startSource(signal: AbortSignal): SimulatedSource {
    const { clock, registry, model, report } = this.#options;
    const epoch = registry().get(this.id)?.epoch;
    const producer = this.#producer;
    if (epoch === undefined) throw report(new Error("A source was started without a stream"));
    if (producer !== undefined && producer.record.status === undefined)
      throw report(new Error("A second source was started while the first one runs"));
    let previous: StreamRecord | undefined;
    if (producer !== undefined && this.#interruption !== undefined) {
      if (producer.writer !== undefined)
        throw report(new Error("A source was started for a stream that waits for its application"));
      if (clock.now() < this.#interruption.since + RESTART_AFTER)
        throw report(new Error("A source that has failed was started again at once"));
      this.#failures = (lastEvent(producer.record) === 0 ? this.#failures : 0) + 1;
      if (lastEvent(producer.record) === 0) previous = producer.record;
      this.#loseProducer();
    } else this.#failures = 0;
    if (previous === undefined) this.#cancelledAt = undefined;
    const record = model.open(epoch, previous);
    const source = new SimulatedSource();
    const begun = this.#begin({ record, signal, writer: undefined, source, retryWindow: Infinity });
    // The application has no source for a channel.
    const broken = this.id === CHANNEL_ID ? "final" : this.#brokenSources.shift();
    if (broken === undefined) return source;
    const error = errorOf(broken === "final" ? "final" : "error");
    this.#leave(begun, broken === "final" ? 0 : Infinity);
    throw error;
  }

  /** The registry has ended the stream. */
  onEnded(epoch: string, status: string): void {
    const { record } = this;
    const { clock, report } = this.#options;
    if (record?.epoch !== epoch) return void report(new Error("A stream has ended that was replaced"));
    // A registry forgets a stream first whose result is in the database.
    const isResult = this.#interruption?.hasResult(status) === true && !this.#isHeld(record);
    if (record.status !== status) this.#checkEnd(record, status);
    // Its readers get the result instead of an end.
    this.#finish(record, isResult ? "replaced by a result" : status);
    record.endedAt = clock.now();
  }

  /** How the stream stands now that the database is asked about it. */
  question(): Question {
    const askedAt = this.#options.clock.now();
    return { askedAt, interruption: this.#interruption, gap: this.#gap, isRead: this.#readers > 0 };
  }

  /** The database has answered, with the state of its row. */
  onAnswer({ interruption, gap, isRead }: Question, state: string | undefined): void {
    if (interruption === undefined || interruption !== this.#interruption || state === undefined) return;
    const isCertain = isRead && gap === this.#gap && this.#readers > 0;
    interruption.onAnswer(state, this.#options.clock.now(), isCertain);
  }

  /** The stream may have lost all its readers for a moment. */
  onReaderLeft(): void {
    this.#gap++;
  }

  /** Checks how the stream stands after a step. */
  check(): void {
    const producer = this.#producer;
    if (producer === undefined) return;
    this.#checkShutdown(producer);
    const { shutdown, registry } = this.#options;
    if (shutdown().isGraceOver) return;
    if (this.#readers === 0) this.#gap++;
    const { record } = producer;
    const held = registry().get(this.id);
    const status = held?.epoch === record.epoch ? held.status : undefined;
    if (this.#interruption !== undefined) this.#checkInterrupted(producer, this.#interruption, status);
    else if (record.status === undefined) this.#checkLive(producer, status);
    else this.#checkEnded(producer, status);
  }

  /** Checks what must hold when everything is over. */
  checkClosed(): void {
    for (const { outcome, signal } of [...this.#earlier, ...(this.#producer ? [this.#producer] : [])]) {
      if (outcome === undefined && !signal.aborted)
        throw new Error("The signal of a stopped writer is not aborted");
    }
  }

  /** Whether the stream is live or interrupted. */
  get #isUnfinished(): boolean {
    const { record } = this;
    return record !== undefined && (record.status === undefined || this.#interruption !== undefined);
  }

  #isHeld({ epoch }: StreamRecord): boolean {
    return this.#options.registry().get(this.id)?.epoch === epoch;
  }

  get #readers(): number {
    return this.#options.registry().get(this.id)?.readers ?? 0;
  }

  /** The code with which `open` must reject. */
  #refusal(ifExists: IfExists): string | undefined {
    const { record } = this;
    if (this.#options.shutdown().hasBegun) return "REGISTRY_CLOSED";
    if (record === undefined) return undefined;
    if (record.status === undefined) return ifExists === "throw" ? "STREAM_EXISTS" : undefined;
    const isWhole = record.status === "done" || record.status === "cancelled";
    return ifExists === "append" && this.#isHeld(record) && isWhole ? "STREAM_ENDED" : undefined;
  }

  #begin(begun: Omit<Producer, "outcome">): Producer {
    const producer = { ...begun, outcome: undefined };
    this.#producer = producer;
    this.#activeAt = this.#options.clock.now();
    this.#unreadSince = undefined;
    return producer;
  }

  /** Another producer takes the stream over. */
  #loseProducer(): void {
    const producer = this.#producer as Producer;
    producer.record.status = "taken over";
    this.#interruption = undefined;
    this.#earlier.push(producer);
  }

  #finish(record: StreamRecord, status: string): void {
    record.status = status;
    this.#interruption = undefined;
    this.#cancelledAt = undefined;
  }

  /** The producer ends its stream, or fails; then `as` is the time for which the stream waits for another one. */
  #leave(producer: Producer, as: "done" | number): void {
    const { record } = producer;
    // After a cancel the stream is cancelled, whatever its producer says.
    const isCancelled = this.#cancelledAt !== undefined;
    const status = as === "done" ? "done" : as > 0 ? "interrupted" : "failed";
    producer.outcome = isCancelled ? "cancelled" : status;
    record.status = producer.outcome;
    if (as === "done" || record.status !== "interrupted") return;
    const { clock, limits } = this.#options;
    record.life.wasInterrupted = true;
    this.#interruption = new SimulatedInterruption(clock.now(), as, limits.idle);
  }

  /** Whether a source on demand may have been stopped already. */
  #isStopping({ writer }: Producer): boolean {
    return writer === undefined && this.#options.shutdown().hasBegun;
  }

  /** Returns whether the event was taken. */
  #pushNow(producer: Producer): boolean {
    const { record } = producer;
    const data = this.#options.nextData();
    const id = push(producer, data);
    const mayIgnore = record.status !== undefined || this.#options.shutdown().isGraceOver;
    if (id === undefined) {
      if (!mayIgnore) throw new Error("A push was ignored that must be taken");
      return false;
    }
    if (record.status !== undefined) throw new Error("A push was taken that must be refused");
    record.events.push(data);
    if (id !== `${record.epoch}.${lastEvent(record)}`)
      throw new Error(`push returned the id ${id} for event ${lastEvent(record)}`);
    return true;
  }

  async #emit(producer: Producer, source: SimulatedSource): Promise<boolean> {
    const { record } = producer;
    const isOver = record.status !== undefined || this.#options.shutdown().isGraceOver;
    if (isOver || this.#isStopping(producer)) return false;
    const event = this.#event();
    record.events.push(event.data);
    source.emit({ event });
    // Let the registry pull the event before the next one.
    await macrotask();
    return true;
  }

  #event(): { readonly event: string; readonly data: string } {
    return { event: "token", data: this.#options.nextData() };
  }

  #checkPiped({ record, outcome }: Producer, status: string): void {
    const { report, shutdown } = this.#options;
    const expected = outcome ?? (record.status === "taken over" ? "lost" : record.status);
    const mayBeStopped = shutdown().isGraceOver || (shutdown().hasBegun && expected === undefined);
    if (status !== expected && !(mayBeStopped && ["cancelled", "interrupted"].includes(status)))
      report(new Error(`A pipe says that its stream is ${status} instead of ${expected ?? "live"}`));
  }

  /** Checks an end that no producer and no caller has asked for. */
  #checkEnd(record: StreamRecord, status: string): void {
    const { clock, limits, isAsked, wasAsked, isRead, report } = this.#options;
    const now = clock.now();
    const interruption = this.#interruption;
    const isSource = this.#producer?.writer === undefined;
    const isHeld = this.#isHeld(record);
    const isReadHere = isHeld && this.#readers > 0;
    const isExpired = now >= this.#activeAt + limits.idle && !isReadHere;
    if (isSource && status === "cancelled") {
      // A source that nobody reads does not use the grace of a cancel.
      const isCancelled = this.#cancelledAt !== undefined && (now >= this.#cancelledAt || !isRead(record));
      if (this.#mayStop || isCancelled) return;
      if (isHeld) report(new Error("The registry still has the stream of a source that was stopped"));
      if (isRead(record)) report(new Error("A source was stopped although its stream has readers"));
      return;
    }
    const isAllowed =
      interruption !== undefined
        ? (interruption.hasResult(status) && !isHeld) ||
          (status === "expired" && isExpired) ||
          (status === "failed" && interruption.mayBeOver(now) && !(isReadHere && (isAsked() || wasAsked())))
        : this.#cancelledAt !== undefined
          ? status === "cancelled" && (now >= this.#cancelledAt || isExpired || this.#mayStop)
          : (status === "cancelled" && this.#mayStop) || (status === "expired" && isExpired);
    if (isAllowed) return;
    const stands = record.status ?? (this.#cancelledAt === undefined ? "live" : "being cancelled");
    report(new Error(`A stream has ended as ${status}, but it is ${stands}`));
  }

  /** Whether the registry may stop streams that were opened here. */
  get #mayStop(): boolean {
    const { hasBegun, graceEndsAt, isGraceOver } = this.#options.shutdown();
    return hasBegun && (isGraceOver || this.#options.clock.now() >= graceEndsAt);
  }

  /** A closing registry interrupts what has a window, and forgets it at once. */
  #checkShutdown({ record, signal }: Producer): void {
    if (!signal.aborted || record.status !== undefined || this.#cancelledAt !== undefined) return;
    if (!this.#mayStop) throw new Error(`A writer was stopped: ${String(signal.reason)}`);
    record.status = "interrupted";
  }

  #checkLive(producer: Producer, status: string | undefined): void {
    const { clock, shutdown } = this.#options;
    if (shutdown().hasBegun && producer.writer === undefined) return;
    if (status === undefined) throw new Error("A live stream was forgotten");
    if (status !== "live") throw new Error(`A live stream is ${status}`);
    if (this.#cancelledAt !== undefined) {
      if (!producer.signal.aborted) throw new Error("The writer of a cancelled stream was not asked to stop");
      if (clock.now() > this.#cancelledAt) throw new Error("A cancelled stream goes on after its grace");
    }
    if (producer.writer === undefined) this.#checkSource(producer);
  }

  /** Checks that a source stops `linger` after its last reader has left. */
  #checkSource({ record }: Producer): void {
    const { clock, limits, isRead } = this.#options;
    const now = clock.now();
    if (isRead(record)) this.#unreadSince = undefined;
    else this.#unreadSince ??= now;
    if (now > (this.#unreadSince ?? now) + limits.linger) throw new Error("A source runs on without readers");
  }

  #checkInterrupted(
    producer: Producer,
    interruption: SimulatedInterruption,
    status: string | undefined,
  ): void {
    const { clock, shutdown, isAsked, isAskedAgain, isWaitedFor } = this.#options;
    const now = clock.now();
    const isSource = producer.writer === undefined;
    if (shutdown().hasBegun && isSource) return;
    if (status === undefined) throw new Error("An interrupted stream was forgotten");
    if (status !== "interrupted") throw new Error(`An interrupted stream is ${status}`);
    if (interruption.isFinished)
      throw new Error("A stream is interrupted although the database has the result");
    if (isAsked() && !isWaitedFor()) throw new Error("The database is queried although nobody waits");
    const isDecided = this.#readers === 0 || !(isAsked() || isAskedAgain());
    if (interruption.isOver(now) && isDecided)
      throw new Error("An interrupted stream is kept after its window");
    if (!isSource) return;
    this.#checkSource(producer);
    const failures = lastEvent(producer.record) === 0 ? this.#failures : 0;
    const backoff = Math.min(LONGEST_BACKOFF, 1_000 * 2 ** failures);
    if (this.#readers > 0 && now > interruption.since + RESTART_AFTER + backoff)
      throw new Error("A source that has failed is not started again");
  }

  #checkEnded({ record, writer }: Producer, status: string | undefined): void {
    const { clock, limits } = this.#options;
    // A source that is stopped, and a stream whose result is known, is forgotten at once.
    const isKept =
      record.status !== "replaced by a result" && (writer !== undefined || record.status === "done");
    if (status === undefined) {
      if (isKept && clock.now() < record.endedAt + limits.linger)
        throw new Error("An ended stream was forgotten before linger");
      return;
    }
    if (status !== record.status) throw new Error(`A stream is ${status} instead of ${record.status}`);
    if (clock.now() > record.endedAt + limits.linger)
      throw new Error("An ended stream was kept after linger");
  }
}
