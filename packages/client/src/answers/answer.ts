import type { ConnectOptions } from "../connect.ts";
import type { Connection } from "../connection/connection.ts";
import type { Message } from "../connection/decode.ts";
import { json } from "../stream/decoder.ts";
import type { StreamReset } from "../stream/control-event.ts";

// Tested by the packages that are built on it: packages/ai-sdk/test, packages/ag-ui/test.

// Not an interface, which would need an index signature to be a map of decoders.
type Events<Chunk> = { readonly message: (data: string) => Chunk };

/** Connects, with these options beside its own. */
export type Start<Chunk> = (
  options: ConnectOptions<Events<Chunk>> & { readonly events: Events<Chunk> },
) => Connection<Message<{ message: Chunk }>>;

/** What the chunks of an answer mean, and how whoever reads it tells errors apart. */
export interface AnswerFormat<Chunk> {
  readonly isFirst: (chunk: Chunk) => boolean;
  /** Whether nothing is missing behind it. */
  readonly isLast: (chunk: Chunk) => boolean;
  /** Whether it says that somebody has stopped the answer. */
  readonly isStop: (chunk: Chunk) => boolean;
  /** The error of a connection. */
  readonly toError: (error: unknown, circumstances: Circumstances) => unknown;
  /** The error of an answer that can be read again. */
  readonly disconnectError: (message: string) => Error;
}

/** What an answer knows about the failure of its connection. */
export interface Circumstances {
  /** The reader has stopped the answer. A server that shuts down cancels answers, too. */
  readonly isStopped: boolean;
  /** The server has never begun to answer. */
  readonly isRefused: boolean;
}

/** Whether the request asks for an answer, reads one that may be there, or one of which the reader has a part. */
export type AnswerKind = "question" | "resumption" | "repetition";

/**
 * How often a lost question looks for its answer: the request may have reached the server, and the answer not have begun.
 */
const LOOKS = 3;

/**
 * No id of a stream. A server sends everything that it holds to a client with such a cursor, also of a stream that has ended
 * meanwhile.
 */
const UNKNOWN_ID = "partial";

const GONE = "The answer is not there any more.";
const BEGINNING_LOST = "The beginning of the answer is not there any more.";

/**
 * The answer to one request, for SDKs that take a stream of chunks and know nothing of reconnections: it reads through all
 * responses of a connection. It ends only if the answer is whole; in every other case it fails.
 */
export class Answer<Chunk> {
  readonly #format: AnswerFormat<Chunk>;
  readonly #connection: ReturnType<Start<Chunk>>;
  readonly #kind: AnswerKind;
  #hasBegun = false;
  #hasChunks = false;
  #isFinished = false;
  /** Whether the server sends what it holds from its first event on, which may not be the first of the answer. */
  #startsOver = false;
  #isStopped = false;
  #isWhole = false;
  /** How many responses had nothing to read. */
  #absent = 0;
  #isAbsent = false;
  /** The reset that has ended this. */
  #reset: StreamReset | undefined;

  /**
   * @param signal leaves the answer
   */
  constructor(format: AnswerFormat<Chunk>, start: Start<Chunk>, kind: AnswerKind, signal: AbortSignal) {
    this.#format = format;
    this.#kind = kind;
    this.#connection = start({
      events: { message: json<Chunk>() },
      signal,
      ...(kind === "repetition" && { lastEventId: UNKNOWN_ID }),
      onReset: (reset) => this.#onReset(reset),
      policy: {
        "no-content": () => this.#onNoContent(),
        // A question that the server refuses has no answer to look for.
        unavailable: () => (this.#hasBegun || kind !== "question" ? "retry" : "fatal"),
      },
    });
  }

  /**
   * Resolves when the response has begun; with `null` if there is no answer to read, and the reader has no part of one.
   *
   * @throws (as a rejection) an error of the format
   */
  async open(): Promise<ReadableStream<Chunk> | null> {
    await begin(this.#connection);
    const { state } = this.#connection;
    const isDone = state.status === "closed" && state.reason === "done";
    if (isDone && this.#isAbsent && this.#kind === "resumption") return null;
    // Nothing would be taken for the end of the part that the reader has.
    if (isDone && this.#isAbsent && this.#kind === "repetition") throw new Error(GONE);
    // What has failed by now is an error of the request.
    if (state.status === "closed" && !isDone) await this.#next();
    this.#hasBegun = true;
    return new ReadableStream<Chunk>(
      { pull: (controller) => this.#pull(controller), cancel: () => this.#connection.close() },
      { highWaterMark: 0 },
    );
  }

  /** Whether the reader has some of it, which is not, and will not be, the whole. */
  get isPartial(): boolean {
    const hasPart = this.#hasChunks || this.#kind === "repetition";
    return hasPart && !this.#isWhole && !this.#isStopped;
  }

  /** Whether the reader itself stops the answer. */
  markStopped(isStopped: boolean): void {
    this.#isStopped = isStopped;
  }

  #onNoContent(): "retry" | "done" {
    if (this.#kind === "question" && !this.#hasBegun && ++this.#absent < LOOKS) return "retry";
    this.#isAbsent = true;
    return "done";
  }

  async #pull(controller: ReadableStreamDefaultController<Chunk>): Promise<void> {
    const chunk = await this.#next();
    if (chunk === undefined) controller.close();
    else controller.enqueue(chunk);
  }

  /** The next chunk; `undefined` at the end of a whole answer. */
  async #next(): Promise<Chunk | undefined> {
    const result = await this.#connection.next().catch((error: unknown) => {
      throw this.#format.toError(error, { isStopped: this.#isStopped, isRefused: !this.#hasBegun });
    });
    if (this.#reset !== undefined) throw this.#resetError(this.#reset);
    if (result.done === true) {
      // 204 says that there is nothing, not that what came was everything.
      if (this.#isAbsent && !this.#isFinished) throw new Error(GONE);
      // Also the end of a connection that was left.
      this.#isWhole = this.#connection.state.status === "closed" && this.#connection.state.reason === "done";
      return undefined;
    }
    const { isFirst, isLast, isStop } = this.#format;
    const { event, data } = result.value;
    if (event !== "message") return this.#next();
    if (this.#startsOver && !this.#hasChunks && !isFirst(data)) throw this.#leave(BEGINNING_LOST);
    this.#hasChunks = true;
    this.#isFinished ||= isLast(data);
    if (isStop(data)) this.#isStopped = true;
    return data;
  }

  /** An answer can start over only where the reader has nothing of it yet. */
  #onReset(reset: StreamReset): void {
    this.#startsOver = reset.lost === null && !this.#hasChunks;
    if (this.#startsOver) return;
    this.#reset = reset;
    this.#connection.close();
  }

  /** What a reader resumes with is the whole answer, unless its beginning is not held any more. */
  #resetError({ reason }: StreamReset): Error {
    if (this.#hasChunks) return this.#format.disconnectError(`The answer starts over (${reason}).`);
    return new Error(BEGINNING_LOST);
  }

  #leave(message: string): Error {
    this.#connection.close();
    return new Error(message);
  }
}

async function begin(connection: Connection<unknown>): Promise<void> {
  const hasBegun = (): boolean => !["connecting", "retrying"].includes(connection.state.status);
  if (hasBegun()) return;
  await new Promise<void>((resolve) => {
    const unsubscribe = connection.subscribe(() => {
      if (!hasBegun()) return;
      unsubscribe();
      resolve();
    });
  });
}
