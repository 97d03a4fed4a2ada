import type { AnyOptions } from "./options.ts";
import type { AnyResult, StreamState } from "./result.ts";

/**
 * How long a view stays when nobody looks at it, in ms: StrictMode, Fast Refresh and a component that moves come back.
 */
const LINGER = 100;

const NOTHING: readonly never[] = [];
const IDLE: StreamState = { status: "idle" };
const CONNECTING: StreamState = { status: "connecting", attempt: 1 };

/** A stream, as far as a view knows it. */
export interface ViewedStream extends Pick<AnyResult, "lost" | "close" | "reconnect"> {
  readonly state: StreamState;
  readonly messages: readonly unknown[];
  /** Ends the part of a view. */
  leave(view: View): void;
}

/** What one component sees of a stream. */
export class View {
  readonly key: string;
  /** Empty if there is nothing to connect to. */
  readonly url: string;
  readonly options: AnyOptions;
  /** What is shown before anything has arrived, and on a server. */
  readonly first: AnyResult;
  /** What React renders. */
  result: AnyResult;
  /** The error that `reduce` threw. The value cannot go on from there. */
  failure: { readonly error: unknown } | undefined;
  readonly #join: (view: View) => ViewedStream;
  #value: unknown;
  #stream: ViewedStream | undefined;
  #render: (() => void) | undefined;
  #leaving: ReturnType<typeof setTimeout> | undefined;

  /** @param join gives the view everything that has arrived so far, and then the rest */
  constructor(key: string, url: string, options: AnyOptions, join: (view: View) => ViewedStream) {
    this.#join = join;
    this.key = key;
    this.url = url;
    this.options = options;
    this.#value = options.initial;
    this.first = this.result = this.#resultOf(url === "" ? IDLE : CONNECTING, NOTHING, NOTHING);
  }

  /** Whether it shows the messages themselves. */
  get isList(): boolean {
    return this.options.reduce === undefined;
  }

  /** Joins or opens the stream, for `useSyncExternalStore`. */
  readonly subscribe = (render: () => void): (() => void) => {
    if (this.url === "") return () => undefined;
    clearTimeout(this.#leaving);
    this.#stream ??= this.#join(this);
    this.#render = render;
    // A stream that is shared may have come far.
    this.show(this.#stream);
    return () => {
      this.#render = undefined;
      this.#leaving = setTimeout(() => this.#leave(), LINGER);
    };
  };

  /** Whether it makes the same value of the same messages. */
  isTwinOf({ options: { reduce, initial } }: View): boolean {
    return this.options.reduce === reduce && this.options.initial === initial;
  }

  /** Starts with what a twin has. */
  copy(twin: View): void {
    this.#value = twin.#value;
    this.failure = twin.failure;
  }

  add(message: unknown): void {
    const { reduce } = this.options;
    if (!reduce || this.failure) return;
    try {
      this.#value = reduce(this.#value, message);
    } catch (error) {
      this.failure = { error };
    }
  }

  /** Starts over. */
  reset(): void {
    this.#value = this.options.initial;
    this.failure = undefined;
  }

  /** Renders what there is now, unless nothing has changed. */
  show({ state, messages, lost }: ViewedStream): void {
    const { result } = this;
    const isSame = this.isList ? result.messages === messages : result.value === this.#value;
    if (isSame && !this.failure && result.state === state && result.lost === lost) return;
    this.result = this.#resultOf(state, messages, lost);
    this.#render?.();
  }

  #resultOf(state: StreamState, messages: readonly unknown[], lost: AnyResult["lost"]): AnyResult {
    return {
      ...(this.isList ? { messages } : { value: this.#value }),
      state,
      error: state.status === "closed" && state.reason === "failed" ? state.error : undefined,
      lost,
      close: this.#close,
      reconnect: this.#reconnect,
    };
  }

  readonly #close = (): void => this.#stream?.close();
  readonly #reconnect = (): void => this.#stream?.reconnect();

  /** A component that comes back later, such as one of `<Activity>`, starts with nothing. */
  #leave(): void {
    this.#stream?.leave(this);
    this.#stream = undefined;
    this.reset();
    this.result = this.first;
  }
}
