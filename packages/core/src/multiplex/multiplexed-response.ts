// Tested by test/multiplex/multiplex.test.ts.

import { bridgeAbort } from "../base/abort-bridge.ts";
import { wallTime } from "../base/clock.ts";
import { turnOf, type TurnTask } from "../base/turn.ts";
import type { BareHost } from "../connection/bare-host.ts";
import { soleOwner } from "../connection/bare-source.ts";
import type { ClientConnection } from "../connection/client-connection.ts";
import { Connection } from "../connection/connection.ts";
import type { ConnectionPool, PooledConnection } from "../connection/connection-pool.ts";
import { drainWhenAborted } from "../connection/drain-signal.ts";
import { refusalHeaders, sendEmptyResponse } from "../connection/empty-response.ts";
import type { FrameSource } from "../connection/frame-source.ts";
import {
  DELIVERY_DEFAULTS,
  resolveDelivery,
  resolveRuntime,
  type ConnectionOptions,
} from "../connection/options.ts";
import { rejectClient } from "../connection/rejection.ts";
import type { ServeOptions } from "../connection/serve-options.ts";
import type { OpenSink, SseRequest } from "../connection/sink.ts";
import { HEARTBEAT } from "../protocol/encode.ts";
import { NO_STREAM_HEADERS } from "../protocol/headers.ts";
import type { ConnectionLabels } from "../protocol/observer.ts";
import type { ServeResult, Transfer } from "../protocol/outcome.ts";
import type { CloseReason, DrainReason } from "../protocol/reasons.ts";
import type { Runtime } from "../protocol/runtime.ts";
import { Member, type MemberOutput } from "./member.ts";
import type { MultiplexRequest } from "./member-request.ts";
import { MemberTurns } from "./member-turns.ts";
import { answerFrame, type MemberAnswer, memberDrainFrame } from "./member-frames.ts";
import { replaceConnection } from "./connection-names.ts";

/** How long the response waits for the first stream, in ms. */
const STATUS_TIMEOUT = 1_000;

/** One response with several members. It counts as one connection, of the registry of its first stream. */
export class MultiplexedResponse implements FrameSource, MemberOutput, PooledConnection, TurnTask {
  readonly labels: ConnectionLabels;
  readonly since: number = wallTime();
  /** Resolves when the response is over. */
  readonly done: Promise<ServeResult>;
  /** What is woken in one turn of the event loop goes out in one write. */
  readonly turns: MemberTurns = new MemberTurns(this);
  readonly #request: SseRequest;
  readonly #open: OpenSink;
  readonly #options: ServeOptions;
  readonly #asked: MultiplexRequest;
  readonly #members = new Set<Member>();
  #resolveDone: (result: ServeResult | Promise<ServeResult>) => void = () => undefined;
  #forgetName: () => void = () => undefined;
  #removeAbortListener: () => void = () => undefined;
  #cancelTimer: () => void = () => undefined;
  #host: BareHost | undefined;
  #ownRuntime: Runtime | undefined;
  #connection: Connection | undefined;
  #isOver = false;
  /** Members whose source is not known yet. */
  #unresolved = 0;
  #isTimeOver = false;
  #answers: MemberAnswer[] = [];
  /** Members of registries that are closing, before the response begins. */
  readonly #refused: (readonly [name: string, pool: ConnectionPool])[] = [];
  #lastReason: CloseReason = "closed";

  /** Another connection of the same name is over now. */
  constructor(request: SseRequest, open: OpenSink, options: ServeOptions, asked: MultiplexRequest) {
    this.labels = { id: undefined, key: options.key };
    this.#request = request;
    this.#open = (status, headers, ...rest) =>
      open(status, { ...headers, "cache-control": "no-store" }, ...rest);
    this.#options = options;
    this.#asked = asked;
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve;
    });
    if (asked.mux !== undefined)
      this.#forgetName = replaceConnection(options.key, asked.mux, () => this.#leave());
    this.#removeAbortListener = bridgeAbort(request.signal, { abort: () => this.#leave() });
  }

  /** Whether the client gets nothing more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get runtime(): Runtime {
    return this.#host?.pool.runtime ?? (this.#ownRuntime ??= resolveRuntime(this.#options));
  }

  get transfer(): Transfer | undefined {
    return this.#connection?.transfer;
  }

  /** Admits the client to the registry that counts it. Without effect if there is one already. */
  admit(host: BareHost, labels: ConnectionLabels): void {
    if (this.#host !== undefined || this.#isOver) return;
    this.#host = host;
    const { pool } = host;
    if (pool.rejectReason(labels, true) === "busy") return this.#reject(pool, "busy");
    // It may have begun without a registry, since no source was known in time.
    if (this.#connection === undefined) this.#connect(pool);
    if (!this.#isOver) pool.add(this, true);
  }

  /** A member has found its registry. */
  connect(
    name: string,
    host: BareHost,
    labels: ConnectionLabels,
    options: ConnectionOptions,
  ): ClientConnection | undefined {
    const { pool } = host;
    if (pool.rejectReason(labels, false) !== undefined) {
      this.#refuse(name, pool);
      return undefined;
    }
    this.admit(host, labels);
    if (this.#isOver || this.#connection === undefined) return undefined;
    const { heartbeat } = this.#connection.options;
    const member = new Member(this, name, labels, { ...options, control: true, heartbeat }, pool);
    this.#members.add(member);
    return member;
  }

  /** The source of a member is not known yet: {@link resolved} MUST be called later. */
  waitFor(): void {
    this.#unresolved++;
  }

  resolved(): void {
    this.#unresolved--;
    this.turns.scheduleWrite();
  }

  /** Called when all members are asked for: begins the response at once if everything is known, or soon. */
  begin(): void {
    if (this.#isOver) return;
    this.#flush();
    if (this.#isOver || this.#connection?.started === true) return;
    this.#cancelTimer = this.runtime.clock.after(STATUS_TIMEOUT, () => {
      this.#isTimeOver = true;
      this.#flush();
    });
  }

  addDrain(frame: Uint8Array): void {
    this.turns.addBlock(frame);
    this.turns.scheduleWrite();
  }

  addAnswer(name: string, answer: MemberAnswer): void {
    this.#answers.push(answer);
    this.turns.addBlock(answerFrame(name, answer));
    this.turns.endRun();
    this.turns.scheduleWrite();
  }

  remove(member: Member, reason: CloseReason): void {
    this.#members.delete(member);
    this.#lastReason = reason;
    this.turns.scheduleWrite();
  }

  pump(): void {
    const connection = this.#connection as Connection;
    this.turns.write(connection);
    if (this.turns.isEmpty && this.#members.size + this.#unresolved === 0) connection.end(this.#lastReason);
  }

  flush(reason: DrainReason): void {
    if (reason !== "shutdown") return;
    const connection = this.#connection as Connection;
    // Members that were woken in this turn may have ended.
    this.turns.write(connection);
    for (const member of this.#members) this.turns.request(member);
    this.turns.write(connection, reason);
  }

  takeCursor(): undefined {
    for (const member of this.#members) {
      const cursor = member.takeCursor();
      if (cursor !== undefined) this.turns.add(member, cursor, 0);
    }
    this.turns.scheduleWrite();
  }

  /** While members run on in the grace period of a registry, the others are drained one by one. */
  drain(reason: DrainReason, spread: number, cause?: unknown): void {
    const pool = this.#host?.pool;
    const runsOn = ({ labels }: Member): boolean => pool?.rejectReason(labels, false) === undefined;
    if (reason === "shutdown" && [...this.#members].some(runsOn)) return;
    this.#connection?.drain(reason, spread, cause);
  }

  destroy(reason: DrainReason): void {
    this.#connection?.destroy(reason);
  }

  scheduleWrite(): void {
    turnOf(this.runtime.clock).atEnd(this);
  }

  runInTurn(): void {
    this.turns.beginWrite();
    this.#flush();
  }

  #flush(): void {
    if (this.#isOver) return;
    if (this.#connection?.started !== true && !this.#start()) return;
    this.#connection?.pump();
  }

  /** Begins the response if it is known whether it has a body. Returns whether it has begun with one. */
  #start(): boolean {
    const members = [...this.#members];
    const isWaiting = this.#unresolved + members.length > 0;
    if (isWaiting && !this.#isTimeOver && !members.some(({ started }) => started)) return false;
    const [refused] = this.#refused;
    if (!isWaiting && refused !== undefined) {
      this.#reject(refused[1], "shutdown");
      return false;
    }
    const [answer] = this.#answers;
    if (answer !== undefined && this.#answers.length === this.#asked.members.length) {
      const areAll204 = this.#answers.every(({ status }) => status === 204);
      if (areAll204 || this.#asked.mux === undefined) {
        this.#respondEmpty(answer);
        return false;
      }
    }
    this.#cancelTimer();
    if (this.#connection === undefined) this.#connect(undefined);
    this.#connection?.start();
    for (const each of this.#refused) this.#refuse(...each);
    if (this.turns.isEmpty) this.turns.addBlock(HEARTBEAT);
    return true;
  }

  /** Asks the client to come back for a member; for all of them if nobody else has a stream here. */
  #refuse(name: string, pool: ConnectionPool): void {
    if (this.#isOver) return;
    if (this.#connection?.started !== true) return void this.#refused.push([name, pool]);
    this.addDrain(memberDrainFrame(name, "shutdown", pool.runtime.random, pool.spread));
  }

  #connect(pool: ConnectionPool | undefined): void {
    const delivery = resolveDelivery(this.#host?.delivery ?? DELIVERY_DEFAULTS, this.#options);
    const options = { ...delivery, control: true, compression: false } as const;
    const { runtime, scheduler } = pool ?? soleOwner(this.runtime);
    const owner = { runtime, scheduler, remove: () => this.#host?.pool.remove(this) };
    // Before the connection, which listens to the signal itself.
    this.#removeAbortListener();
    const connection = new Connection(owner, this.labels, this.#request, this.#open, options);
    this.#connection = connection;
    connection.setSource(this);
    connection.latch.defer((reason) => this.#finish(reason as CloseReason));
    this.#resolveDone(connection.done);
    drainWhenAborted(connection, this.#options.signal);
  }

  #reject(pool: ConnectionPool, reason: DrainReason): void {
    if (this.#connection !== undefined) return this.#connection.drain(reason, pool.spread);
    const options = resolveDelivery(this.#host?.delivery ?? DELIVERY_DEFAULTS, this.#options);
    this.#finish(reason);
    this.#resolveDone(rejectClient(pool, this.labels, this.#open, options, reason, pool.spread));
  }

  #respondEmpty({ status, retryAfter }: MemberAnswer): void {
    const headers = retryAfter ? refusalHeaders(retryAfter) : NO_STREAM_HEADERS;
    if (this.#connection !== undefined) return this.#connection.respondEmpty(status, headers);
    this.#finish("closed");
    this.#resolveDone(sendEmptyResponse(this.#open, status, headers));
  }

  /** The client has left, or has sent another request with the same name. */
  #leave(): void {
    if (this.#connection !== undefined) return this.#connection.destroy("disconnected");
    if (this.#isOver) return;
    this.#finish("disconnected");
    this.#resolveDone(sendEmptyResponse(this.#open, 499));
  }

  #finish(reason: CloseReason): void {
    this.#isOver = true;
    this.#forgetName();
    this.#removeAbortListener();
    this.#cancelTimer();
    for (const member of this.#members) member.close(reason);
  }
}
