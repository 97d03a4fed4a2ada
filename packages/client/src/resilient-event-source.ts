import { check } from "./check.ts";
import { standardDelay } from "./delay.ts";
import { type Connection, hold } from "./engine.ts";
import { EventHandlers } from "./event-handlers.ts";
import { LossEvent } from "./loss-event.ts";
import { readOptions, type ResilienceOptions, type Settings } from "./options.ts";
import type { Policy } from "./outcome.ts";
import { resolveUrl } from "./request.ts";
import type { ConnectionState, StateListener } from "./state.ts";
import type { Delivery } from "./stream-reader.ts";

export interface ResilientEventSourceInit extends Omit<ResilienceOptions, "credentials" | "policy"> {
  /** Whether cookies are sent to another origin, too. @default false */
  readonly withCredentials?: boolean;
  /** What to do about each loss, where it differs from the table in the docs; or `"standard"`. */
  readonly policy?: Partial<Policy> | "standard";
}

type Callback<E> = (event: E) => unknown;

/** An event of the stream. In Node's types a `MessageEvent` does not say what its data is. */
export type StreamMessageEvent = InstanceType<typeof MessageEvent> & { readonly data: string };

interface EventMap {
  readonly open: Event;
  readonly message: StreamMessageEvent;
  /** A {@link LossEvent}, or an event of the stream with this name. */
  readonly error: Event;
}

type Listener<E> = Callback<E> | { handleEvent(event: E): unknown } | null;

/**
 * An `EventSource` (WHATWG HTML, 9.2.2) that comes back where the standard's gives up, notices a dead connection, and
 * understands a holdfast server. What such a server says of the stream comes as events by their names, as it does to any
 * `EventSource`; a drain is no `error`, and after the end there is no more request.
 *
 * With `policy: "standard"` it does what the standard says, and no more.
 *
 * @throws SyntaxError for a URL that is none; TypeError for an option that is wrong
 *
 * @example
 * const source = new ResilientEventSource("/jobs/42", { headers: () => ({ authorization: `Bearer ${token()}` }) });
 * source.onmessage = ({ data, lastEventId }) => show(data);
 */
export class ResilientEventSource extends EventTarget {
  static readonly CONNECTING = 0 as const;
  static readonly OPEN = 1 as const;
  static readonly CLOSED = 2 as const;
  readonly CONNECTING = 0 as const;
  readonly OPEN = 1 as const;
  readonly CLOSED = 2 as const;

  readonly url: string;
  readonly withCredentials: boolean;
  readonly #connection: Connection<Delivery>;
  readonly #handlers: EventHandlers = new EventHandlers(this);
  #readyState: 0 | 1 | 2 = 0;

  constructor(url: string | URL, init: ResilientEventSourceInit = {}) {
    super();
    const { withCredentials = false, policy } = init;
    const isPolicy = policy === undefined || policy === "standard" || typeof policy === "object";
    check(isPolicy, "policy", `"standard" or a map`, policy);
    this.url = toUrl(url);
    this.withCredentials = withCredentials;
    const options: ResilienceOptions = {
      ...init,
      credentials: withCredentials ? "include" : "same-origin",
      policy: policy === "standard" ? {} : (policy ?? {}),
    };
    const settings = readOptions(options);
    this.#connection = hold(this.url, policy === "standard" ? toStandard(settings) : settings, (it) => it);
    this.#connection.subscribe((state) => this.#become(state));
    void this.#pump();
  }

  /** `CONNECTING`, `OPEN` or `CLOSED`. */
  get readyState(): 0 | 1 | 2 {
    return this.#readyState;
  }

  /** What it is about now: more than `readyState`. The same object until something changes. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** The cursor: the last id that came. */
  get lastEventId(): string {
    return this.#connection.lastEventId;
  }

  /** Calls `listener` whenever `state` has changed. Returns how to stop. Needs no `this`. */
  readonly subscribe = (listener: StateListener): (() => void) => this.#connection.subscribe(listener);

  get onopen(): Callback<Event> | null {
    return this.#handlers.get("open");
  }

  set onopen(handler: Callback<Event> | null) {
    this.#handlers.set("open", handler);
  }

  get onmessage(): Callback<StreamMessageEvent> | null {
    return this.#handlers.get("message");
  }

  set onmessage(handler: Callback<StreamMessageEvent> | null) {
    this.#handlers.set("message", handler);
  }

  /** Called with a {@link LossEvent}, or an event of the stream with the name `error`. */
  get onerror(): Callback<Event> | null {
    return this.#handlers.get("error");
  }

  set onerror(handler: Callback<Event> | null) {
    this.#handlers.set("error", handler);
  }

  override addEventListener<Name extends string>(
    type: Name,
    listener: Listener<Name extends keyof EventMap ? EventMap[Name] : StreamMessageEvent>,
    options?: Parameters<EventTarget["addEventListener"]>[2],
  ): void {
    super.addEventListener(type, listener as Parameters<EventTarget["addEventListener"]>[1], options);
  }

  override removeEventListener<Name extends string>(
    type: Name,
    listener: Listener<Name extends keyof EventMap ? EventMap[Name] : StreamMessageEvent>,
    options?: Parameters<EventTarget["removeEventListener"]>[2],
  ): void {
    super.removeEventListener(type, listener as Parameters<EventTarget["addEventListener"]>[1], options);
  }

  /** Connects anew at once, with the same cursor; also after a failure, but not when the stream is over. */
  reconnect(): void {
    const isOver = this.#readyState === this.CLOSED;
    this.#connection.reconnect();
    if (isOver && this.#connection.state.status !== "closed") void this.#pump();
  }

  /** Ends it for good: nothing is dispatched any more. */
  close(): void {
    this.#readyState = this.CLOSED;
    this.#connection.close();
  }

  #become(state: ConnectionState): void {
    switch (state.status) {
      case "connecting":
        this.#readyState = this.CONNECTING;
        break;
      case "open":
        this.#readyState = this.OPEN;
        this.dispatchEvent(new Event("open"));
        break;
      case "retrying":
        this.#readyState = this.CONNECTING;
        // Who was asked to come back, or woke up, has lost nothing.
        if (state.message !== "") this.dispatchEvent(new LossEvent(state));
        break;
      case "waiting":
      case "replaying":
      case "live":
      // The end comes behind everything that came.
      case "closed":
        break;
    }
  }

  async #pump(): Promise<void> {
    let { state } = this.#connection;
    do {
      // What it fails with, its state tells. Whoever hears of it first may have reconnected.
      await this.#dispatchAll().catch(() => undefined);
      ({ state } = this.#connection);
    } while (state.status !== "closed");
    this.#readyState = this.CLOSED;
    if (state.reason !== "closed") this.dispatchEvent(new LossEvent(state));
  }

  async #dispatchAll(): Promise<void> {
    for await (const { data, event, id, url } of this.#connection) {
      const { origin } = new URL(url);
      this.dispatchEvent(new MessageEvent(event, { data, origin, lastEventId: id }));
    }
  }
}

/** What the standard says, and no more. */
function toStandard(settings: Settings): Settings {
  return {
    ...settings,
    policy: {
      ...settings.policy,
      unauthorized: "fatal",
      unavailable: "fatal",
    },
    delay: standardDelay,
    giveUpAfter: Infinity,
    connectTimeout: Infinity,
    idleTimeout: Infinity,
    maxEventSize: Infinity,
    resilient: false,
  };
}

function toUrl(url: string | URL): string {
  try {
    return resolveUrl(url);
  } catch (error) {
    throw new DOMException((error as Error).message, "SyntaxError");
  }
}
