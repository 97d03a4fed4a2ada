import {
  type BodySink,
  type ClientState,
  createWebSink,
  type SinkEvents,
  type WebSink,
} from "@holdfast/core";
import { fastPathSocket, type PipelinedResponse, waitForTurn, writeChunk } from "@holdfast/core/internal";
import { cutResponse, holdUntilEndOfTurn, ignoreNextEnd, type Outgoing, watchForChunk } from "./outgoing.ts";

/*
 * On Node, the server in front of Hono writes a `Response` to a response of `node:http`, chunk by chunk, with
 * several promises for each chunk. That costs as much CPU as everything else together, and what it holds for the body
 * takes more memory than everything else. As soon as it is certain that nothing stands between the body and that
 * response, the sink takes the response over: the body ends, and everything behind it can go.
 *
 * It is certain when the server writes a chunk to the response in the microtask right after the read that returned
 * the chunk. Code that changes or inspects the body has to read each chunk and pass it on, which takes more than one
 * microtask.
 */

/** Number of chunks for which this is checked. If none reaches the response directly, it is never taken over. */
const ATTEMPTS = 8;

/** One response, from its request to its end: whether the client is there, and where core writes to. */
export class FastPathSink implements BodySink, ClientState {
  /** Resolves when a pipelined response has its turn or is over; `undefined` for all others. */
  readonly ready: Promise<void> | undefined;
  /** The request that is followed: once it is collected, its signal may never abort. */
  request: Request | undefined;
  readonly #outgoing: Outgoing;
  #events: SinkEvents | undefined;
  #listener: { abort(): void } | undefined;
  /** The body, until the response is taken over. */
  #web: WebSink | undefined;
  #attempts: number;
  #isProbing = false;
  #isGone: boolean;
  #state: "open" | "ending" | "over" = "open";

  /** @param canTakeOver whether nothing but the body keeps the server from ending the response */
  constructor(outgoing: Outgoing & PipelinedResponse, canTakeOver: boolean) {
    this.#outgoing = outgoing;
    this.#attempts = canTakeOver ? ATTEMPTS : 0;
    const isOver = outgoing.destroyed === true;
    // Another response may have been sent already, such as that of a timeout: its client did not leave.
    this.#isGone = isOver && outgoing.writableFinished !== true;
    this.ready = waitForTurn(outgoing)?.then((hasTurn) => {
      if (!hasTurn) this.#leave();
    });
    if (!isOver) outgoing.on("close", () => this.#leave());
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  onGone(listener: { abort(): void }): void {
    this.#listener = listener;
  }

  /** The client counts as gone, too, when the signal of this request aborts. */
  follow(request: Request): void {
    this.request = request;
    if (request.signal.aborted) this.#leave();
    else request.signal.addEventListener("abort", () => this.#leave(), { once: true });
  }

  /** Begins the response, with the body as its body. */
  begin(events: SinkEvents): BodySink {
    this.#events = events;
    this.#web = createWebSink({
      // Later, because the server has asked for more, but is not yet listening for it: a check would always fail.
      drained: () => queueMicrotask(() => this.#drained()),
      closed: () => {
        if (this.#web !== undefined) this.#finish();
      },
    });
    holdUntilEndOfTurn(this.#outgoing);
    // Another response may be sent instead: then the body is neither read nor cancelled.
    if (this.#isGone || this.#outgoing.destroyed === true) queueMicrotask(() => this.destroy());
    return this;
  }

  get body(): BodySink["body"] {
    return (this.#web as WebSink).body;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#web !== undefined) return this.#writeToBody(this.#web, bytes.slice());
    const outgoing = this.#outgoing;
    if (this.#state !== "open" || outgoing.destroyed === true) return false;
    const socket = fastPathSocket(outgoing, bytes);
    const canWriteMore = socket === undefined ? outgoing.write(bytes) : writeChunk(socket, bytes);
    if (!canWriteMore) (socket ?? outgoing).once("drain", () => this.#drained());
    return canWriteMore;
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    if (this.#web === undefined) this.#outgoing.end();
    else this.#web.close();
  }

  cut(reason: unknown): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    // With an error of the body instead, the server would drop what is still buffered.
    if (this.#web === undefined) cutResponse(this.#outgoing);
    else this.#web.cut(reason);
  }

  destroy(reason?: unknown): void {
    if (this.#state === "over") return;
    if (this.#web !== undefined) this.#web.destroy(reason);
    else if (this.#isGone) this.#finish();
    else this.#outgoing.destroy(reason);
  }

  progress(): number {
    return this.#web?.progress() ?? 0;
  }

  get pageBytes(): number {
    return 65_536;
  }

  #writeToBody(web: WebSink, chunk: Uint8Array<ArrayBuffer>): boolean {
    if (this.#attempts === 0 || this.#isProbing || !web.isFlushed() || !this.#outgoing.headersSent) {
      return web.give(chunk);
    }
    this.#attempts--;
    this.#isProbing = true;
    const hasArrived = watchForChunk(this.#outgoing, chunk);
    const taken = web.give(chunk);
    // This microtask runs after the reaction to the read, and before anything that this reaction causes.
    queueMicrotask(() => {
      this.#isProbing = false;
      // Another chunk may have followed: then `drained` is still to come from the body.
      if (hasArrived() && web.isFlushed() && this.#state === "open") this.#takeOver(web);
    });
    return taken;
  }

  #takeOver(web: WebSink): void {
    this.#web = undefined;
    ignoreNextEnd(this.#outgoing);
    web.close();
  }

  #drained(): void {
    if (this.#state === "open") this.#events?.drained();
  }

  #leave(): void {
    this.#isGone = true;
    this.request = undefined;
    this.#listener?.abort();
    // Before it has begun, `begin` destroys it.
    if (this.#events !== undefined) this.destroy();
  }

  /** The response is over, flushed or cut. */
  #finish(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#events?.closed();
  }
}
