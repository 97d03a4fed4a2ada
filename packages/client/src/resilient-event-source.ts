import { validate } from "./base/validate.ts";
import type { Connection } from "./connection/connection.ts";
import { createHttpTransport } from "./connection/http-transport.ts";
import { readOptions, type ResilienceOptions, type Settings } from "./connection/options.ts";
import type { ConnectionState, StateListener } from "./connection/state.ts";
import { createStreamConnection } from "./connection/stream-connection.ts";
import { EventHandlers } from "./event-source/event-handlers.ts";
import { LossEvent } from "./event-source/loss-event.ts";
import { resolveUrl } from "./request/resolve-url.ts";
import { standardBackoff } from "./retry/backoff.ts";
import type { Policy } from "./retry/loss.ts";
import type { Delivery } from "./stream/stream-reader.ts";

/** Options of a {@link ResilientEventSource}. */
export interface ResilientEventSourceInit extends Omit<ResilienceOptions, "credentials" | "policy"> {
  /** Whether cookies are sent to other origins too. @default false */
  readonly withCredentials?: boolean;
  /** What to do about each loss, where it differs from the table in the docs; or `"standard"`. */
  readonly policy?: Partial<Policy> | "standard";
}

const STANDARD_POLICY: Partial<Policy> = { unauthorized: "fatal", unavailable: "fatal" };

/** With these settings and this policy, a connection behaves exactly as the standard says. */
const STANDARD_SETTINGS: Partial<Settings> = {
  backoff: standardBackoff,
  giveUpAfter: Infinity,
  connectTimeout: Infinity,
  idleTimeout: Infinity,
  maxEventSize: Infinity,
  resilient: false,
};

/** The values that the standard's policy allows for options that change what the standard says. */
const STANDARD_OPTIONS: Partial<Record<keyof ResilientEventSourceInit, unknown>> = {
  backoff: undefined,
  body: undefined,
  breaker: undefined,
  connectTimeout: Infinity,
  giveUpAfter: Infinity,
  idempotent: undefined,
  idleTimeout: Infinity,
  maxEventSize: Infinity,
  method: "GET",
  onReset: undefined,
  onServerError: undefined,
  resumeBy: "header",
  resumeUrl: undefined,
};

type Callback<E> = (event: E) => unknown;

/** An event of the stream. Node's type of `MessageEvent` does not say that its data is a string. */
export type StreamMessageEvent = InstanceType<typeof MessageEvent> & { readonly data: string };

interface EventMap {
  readonly open: Event;
  readonly message: StreamMessageEvent;
  /** A {@link LossEvent}, or an event of the stream with this name. */
  readonly error: Event;
}

type Listener<E> = Callback<E> | { handleEvent(event: E): unknown } | null;
type EventOf<Name extends string> = Name extends keyof EventMap ? EventMap[Name] : StreamMessageEvent;

/**
 * An `EventSource` (WHATWG HTML, 9.2.2) that reconnects where the standard's gives up, detects dead connections, and
 * understands a holdfast server. Control events are dispatched under their names, as by any `EventSource`. A drain
 * causes no `error`, and after the end of the stream there are no more requests.
 *
 * With `policy: "standard"` it behaves exactly as the standard says.
 *
 * @throws SyntaxError for a URL that is not valid; TypeError for an option that is not valid
 *
 * @example
 * const source = new ResilientEventSource("/jobs/42", { headers: () => ({ authorization: `Bearer ${token()}` }) });
 * source.onmessage = ({ data, lastEventId }) => show(data);
 */
export class ResilientEventSource extends EventTarget {
  /** The value of `readyState` before the first response, and between two. */
  static readonly CONNECTING = 0 as const;
  /** The value of `readyState` while events arrive. */
  static readonly OPEN = 1 as const;
  /** The value of `readyState` when there are no more requests. */
  static readonly CLOSED = 2 as const;
  /** The same as `ResilientEventSource.CONNECTING`. */
  readonly CONNECTING = 0 as const;
  /** The same as `ResilientEventSource.OPEN`. */
  readonly OPEN = 1 as const;
  /** The same as `ResilientEventSource.CLOSED`. */
  readonly CLOSED = 2 as const;

  /** The URL, resolved against that of the page. */
  readonly url: string;
  /** Whether cookies are sent to other origins too. */
  readonly withCredentials: boolean;
  readonly #connection: Connection<Delivery>;
  readonly #handlers: EventHandlers<EventMap> = new EventHandlers(this);
  #readyState: 0 | 1 | 2 = 0;
  /** Whether the last attempt was lost. A drain, for which the policy is not asked, is no loss. */
  #isLost = false;

  constructor(url: string | URL, init: ResilientEventSourceInit = {}) {
    super();
    const { withCredentials = false, policy } = init;
    const isPolicy = policy === undefined || policy === "standard" || typeof policy === "object";
    validate(isPolicy, "policy", `"standard" or a map`, policy);
    if (policy === "standard") {
      for (const [name, allowed] of Object.entries(STANDARD_OPTIONS)) {
        const value = init[name as keyof ResilientEventSourceInit];
        validate(
          value === undefined || value === allowed,
          name,
          'left out with the policy "standard"',
          value,
        );
      }
    }
    this.url = toUrl(url);
    this.withCredentials = withCredentials;
    const options: ResilienceOptions = {
      ...init,
      credentials: withCredentials ? "include" : "same-origin",
      policy: policy === "standard" ? STANDARD_POLICY : (policy ?? {}),
    };
    const resilient = readOptions(options);
    const settings: Settings = {
      ...resilient,
      ...(policy === "standard" ? STANDARD_SETTINGS : {}),
      actionOn: (loss) => {
        this.#isLost = true;
        return resilient.actionOn(loss);
      },
    };
    const transport = createHttpTransport(this.url, settings);
    this.#connection = createStreamConnection(settings, transport, (delivery) => delivery);
    this.#connection.subscribe((state) => this.#followState(state));
    void this.#dispatchUntilClosed();
  }

  /** `CONNECTING`, `OPEN` or `CLOSED`. */
  get readyState(): 0 | 1 | 2 {
    return this.#readyState;
  }

  /** What the connection is doing, in more detail than `readyState`. The same object until something changes. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** The cursor: the id of the last event that was dispatched. */
  get lastEventId(): string {
    return this.#connection.lastEventId;
  }

  /** Calls `listener` at each change of `state`. Returns a function that removes it. Needs no `this`. */
  readonly subscribe = (listener: StateListener): (() => void) => this.#connection.subscribe(listener);

  /** Called when a response has begun; `null` removes it. */
  get onopen(): Callback<Event> | null {
    return this.#handlers.get("open");
  }

  set onopen(handler: Callback<Event> | null) {
    this.#handlers.set("open", handler);
  }

  /** Called with each event without a name, or named `message`; `null` removes it. */
  get onmessage(): Callback<StreamMessageEvent> | null {
    return this.#handlers.get("message");
  }

  set onmessage(handler: Callback<StreamMessageEvent> | null) {
    this.#handlers.set("message", handler);
  }

  /** Called with a {@link LossEvent}, or with an event of the stream that is named `error`. */
  get onerror(): Callback<Event> | null {
    return this.#handlers.get("error");
  }

  set onerror(handler: Callback<Event> | null) {
    this.#handlers.set("error", handler);
  }

  override addEventListener<Name extends string>(
    type: Name,
    listener: Listener<EventOf<Name>>,
    options?: Parameters<EventTarget["addEventListener"]>[2],
  ): void {
    super.addEventListener(type, listener as Parameters<EventTarget["addEventListener"]>[1], options);
  }

  override removeEventListener<Name extends string>(
    type: Name,
    listener: Listener<EventOf<Name>>,
    options?: Parameters<EventTarget["removeEventListener"]>[2],
  ): void {
    super.removeEventListener(type, listener as Parameters<EventTarget["addEventListener"]>[1], options);
  }

  /** Connects again at once, with the same cursor; also after a failure, but not when the stream has ended. */
  reconnect(): void {
    const isClosed = this.#readyState === this.CLOSED;
    this.#connection.reconnect();
    if (isClosed && this.#connection.state.status !== "closed") void this.#dispatchUntilClosed();
  }

  /** Closes it for good: no more events are dispatched. */
  close(): void {
    this.#readyState = this.CLOSED;
    this.#connection.close();
  }

  #followState(state: ConnectionState): void {
    switch (state.status) {
      case "connecting":
        this.#readyState = this.CONNECTING;
        this.#isLost = false;
        break;
      case "open":
        this.#readyState = this.OPEN;
        this.dispatchEvent(new Event("open"));
        break;
      case "retrying":
        this.#readyState = this.CONNECTING;
        if (this.#isLost) this.dispatchEvent(new LossEvent(state));
        break;
      case "waiting":
      case "replaying":
      case "live":
      // The last events are dispatched before `readyState` changes.
      case "closed":
        break;
    }
  }

  async #dispatchUntilClosed(): Promise<void> {
    let { state } = this.#connection;
    do {
      // The state has the error. A listener of the state may have reconnected already.
      await this.#dispatchEvents().catch(() => undefined);
      ({ state } = this.#connection);
    } while (state.status !== "closed");
    this.#readyState = this.CLOSED;
    if (state.reason !== "closed") this.dispatchEvent(new LossEvent(state));
  }

  async #dispatchEvents(): Promise<void> {
    for await (const { data, event, id, url } of this.#connection) {
      const { origin } = new URL(url);
      this.dispatchEvent(new MessageEvent(event, { data, origin, lastEventId: id }));
    }
  }
}

function toUrl(url: string | URL): string {
  try {
    return resolveUrl(url);
  } catch (error) {
    throw new DOMException((error as Error).message, "SyntaxError");
  }
}
