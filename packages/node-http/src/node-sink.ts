import type { ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import { type ClientState, HoldfastError, type Sink, type SinkEvents } from "@holdfast/core";
import { fastPathSocket, waitForTurn, writeChunk } from "@holdfast/core/internal";
import { bytesTaken } from "./bytes-taken.ts";
import { cutResponse } from "./cut-response.ts";
import { isClosed, type NodeResponse, streamOf } from "./node-response.ts";

/** A response behind compression middleware, which buffers what is written until `flush` is called. */
interface BufferingResponse {
  readonly flush?: () => void;
}

/** Shared by all responses: creating an error for each would cost more than serving the response. */
const RESPONSE_OVER = new HoldfastError("ABORTED", "The response is over.");
/** How much of a write over HTTP/2 is seen at once, because Node does not show what the client has taken of it. */
const HTTP2_PAGE_BYTES = 65_536;

const utf8 = new TextDecoder();

/**
 * One response, from its request to its end: whether the client is there and, once the response has begun, its sink. It is
 * one object, because there is one for each connection: what few connections need is created on first use.
 */
export class NodeSink implements Sink, ClientState {
  /** Resolves when a pipelined response has its turn or is over; `undefined` for all others. */
  readonly ready: Promise<void> | undefined;
  readonly #res: NodeResponse;
  readonly #stream: ServerHttp2Stream | undefined;
  /** The socket of the response, which Node takes away from it at its end. */
  #socket: ServerResponse["socket"] = null;
  #events: SinkEvents | undefined;
  #listener: { abort(): void } | undefined;
  #controller: AbortController | undefined;
  #isGone: boolean;
  #isOver: boolean;
  #isCut = false;
  #hasWritten = false;
  #hearsDrain = false;

  constructor(res: NodeResponse) {
    this.#res = res;
    this.#stream = streamOf(res);
    this.#isGone = this.#isOver = isClosed(res);
    this.ready = waitForTurn(res as ServerResponse)?.then((hasTurn) => {
      if (!hasTurn) this.#finish();
    });
    if (!this.#isOver) (this.#stream ?? res).on("close", () => this.#finish());
  }

  /** Whether the client has disconnected, or the response was over before; over HTTP/2 also after an ordinary end. */
  get isGone(): boolean {
    return this.#isGone;
  }

  onGone(listener: { abort(): void }): void {
    this.#listener = listener;
  }

  /** Aborts when the client is gone. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isGone) this.#controller.abort(RESPONSE_OVER);
    return this.#controller.signal;
  }

  /** Begins the response. */
  begin(status: number, headers: Record<string, string>, events: SinkEvents, whole?: Uint8Array): Sink {
    const res = this.#res as ServerResponse;
    this.#events = events;
    if (this.#isOver) queueMicrotask(() => events.closed());
    if (isClosed(res)) return this;
    this.#socket = res.socket;
    const sent = whole === undefined ? headers : { ...headers, "content-length": String(whole.length) };
    // Without a status message, because HTTP/2 has none.
    res.writeHead(status, keepVary(res, sent));
    flattenHead(res);
    // As text, Node writes it together with the head.
    if (whole !== undefined) res.end(utf8.decode(whole));
    return this;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isEnded) return false;
    const res = this.#res as ServerResponse;
    const isFast = this.#hasWritten && this.#stream === undefined;
    const socket = isFast ? fastPathSocket(res, bytes) : undefined;
    if (socket !== undefined) {
      const isTaken = writeChunk(socket, bytes);
      if (!isTaken) socket.once("drain", () => this.#events?.drained());
      return isTaken;
    }
    this.#hasWritten = true;
    const canWriteMore = res.write(bytes);
    (res as BufferingResponse).flush?.();
    if (!canWriteMore) this.#hearDrain();
    return canWriteMore;
  }

  close(): void {
    if (!this.#isEnded) this.#res.end();
  }

  cut(): void {
    if (this.#isEnded) return;
    this.#isCut = true;
    cutResponse(this.#res);
  }

  destroy(): void {
    if (isClosed(this.#res)) return;
    // With another code, or without one, some clients take the cut for a normal end.
    this.#stream?.close(constants.NGHTTP2_INTERNAL_ERROR);
    (this.#stream ?? this.#res).destroy();
  }

  progress(): number {
    return this.#socket === null || this.#stream !== undefined ? 0 : bytesTaken(this.#socket);
  }

  get pageBytes(): number {
    return this.#stream === undefined ? Infinity : HTTP2_PAGE_BYTES;
  }

  get #isEnded(): boolean {
    return this.#isCut || this.#res.writableEnded || isClosed(this.#res);
  }

  #hearDrain(): void {
    if (this.#hearsDrain) return;
    this.#hearsDrain = true;
    // On the response, also over HTTP/2: compression middleware redirects this listener to its own stream.
    this.#res.on("drain", () => this.#events?.drained());
  }

  /** The response is over, flushed or cut. */
  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // After an ordinary end nobody listens any more. A stream of HTTP/2 counts as finished also after its client has
    // disconnected.
    if (this.#stream !== undefined || !this.#res.writableFinished) {
      this.#isGone = true;
      this.#controller?.abort(RESPONSE_OVER);
      this.#listener?.abort();
    }
    this.#events?.closed();
  }
}

/** Adds to the `vary` of middleware, such as CORS, which a header of the response would replace. */
function keepVary(res: ServerResponse, headers: Record<string, string>): Record<string, string> {
  const { vary } = headers;
  const before = vary === undefined ? undefined : res.getHeader("vary");
  return before === undefined ? headers : { ...headers, vary: `${before.toString()}, ${vary}` };
}

/**
 * Node keeps the text of a head as long as its response, and V8 keeps it as a tree of some 25 strings until somebody looks
 * for a character in it. As one string it takes 0.5 KB less.
 */
function flattenHead(res: NodeResponse): void {
  // A boolean over HTTP/2.
  const { _header: head } = res as { readonly _header?: unknown };
  if (typeof head === "string") head.charCodeAt(0);
}
