import { connect, type Connection, type ConnectionState, type StreamReset } from "@holdfast/client";
import { type Display, showInNextFrame } from "./frames.ts";
import type { View, ViewedStream } from "./view.ts";

/**
 * So many messages are kept for components that come later and reduce them in their own way. After that, such a component
 * gets a connection of its own, which begins at the start, and an endless stream needs no more memory.
 */
const MAX_REPLAY = 1_000;

/** The streams that components look at. */
export const streams: Set<SharedStream> = new Set();

/** Joins a stream that is open and can show the view everything, or opens one. */
export function joinStream(view: View): SharedStream {
  for (const stream of streams) {
    if (stream.key === view.key && stream.admit(view)) return stream;
  }
  const stream = new SharedStream(view);
  streams.add(stream);
  return stream;
}

/** One connection, and the views of the components that share it. */
export class SharedStream implements Display, ViewedStream {
  readonly key: string;
  lost: readonly (readonly [from: number, to: number])[] = [];
  readonly #view: Pick<View, "url" | "options">;
  readonly #views = new Set<View>();
  #connection: Connection<unknown>;
  /** All messages since the stream began, or `undefined` when they are too many to keep. */
  #log: unknown[] | undefined = [];
  /** A copy of the log that does not change. */
  #messages: readonly unknown[] | undefined;

  /** @throws TypeError for a URL or an option that is not valid */
  constructor(view: View) {
    this.key = view.key;
    this.#view = view;
    this.#views.add(view);
    this.#connection = this.#connect("");
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  get messages(): readonly unknown[] {
    return (this.#messages ??= this.#log?.slice() ?? []);
  }

  /** Whether the view could be given everything that has arrived. If so, it takes part from now on. */
  admit(view: View): boolean {
    const twin = [...this.#views].find((other) => other.isTwinOf(view));
    if (twin) view.copy(twin);
    else if (this.#log) for (const message of this.#log) view.add(message);
    else return false;
    this.#views.add(view);
    return true;
  }

  leave(view: View): void {
    this.#views.delete(view);
    if (this.#views.size > 0) return;
    streams.delete(this);
    this.close();
  }

  close(): void {
    this.#connection.close();
  }

  reconnect(): void {
    const { state, lastEventId } = this.#connection;
    if (state.status !== "closed") return this.#connection.reconnect();
    if (state.reason === "done") return;
    // Without an id the server begins anew, so that everything would be here twice.
    if (lastEventId === "") this.#reset();
    this.#connection.close();
    this.#connection = this.#connect(lastEventId);
    showInNextFrame(this);
  }

  show(): void {
    for (const view of this.#views) view.show(this);
  }

  #connect(lastEventId: string): Connection<unknown> {
    const { events = {}, key: _key, reduce: _reduce, initial: _initial, ...options } = this.#view.options;
    const onReset = (reset: StreamReset): void => this.#onReset(reset);
    const connection = connect(this.#view.url, { ...options, events, lastEventId, onReset });
    connection.subscribe(() => showInNextFrame(this));
    void this.#read(connection);
    return connection;
  }

  async #read(connection: Connection<unknown>): Promise<void> {
    try {
      for await (const message of connection) this.#add(message);
    } catch {
      // The state of the connection has the error.
    }
  }

  #add(message: unknown): void {
    const views = [...this.#views];
    if (this.#log && (this.#log.length < MAX_REPLAY || views.some(({ isList }) => isList))) {
      this.#log.push(message);
    } else this.#log = undefined;
    this.#messages = undefined;
    for (const view of views) view.add(message);
    showInNextFrame(this);
  }

  #onReset({ lost }: StreamReset): void {
    if (lost === null) this.#reset();
    else this.lost = [...this.lost, lost];
    showInNextFrame(this);
  }

  /** Everything that has arrived is not valid any more. */
  #reset(): void {
    this.#log = [];
    this.#messages = undefined;
    this.lost = [];
    for (const view of this.#views) view.reset();
  }
}
