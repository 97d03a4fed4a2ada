/** What an `EventSource` dispatched to its listeners. */
export interface Dispatched {
  readonly type: string;
  /** Only events of the stream have data and an id; `open` and `error` have neither. */
  readonly data?: string;
  readonly id?: string;
  /** The `readyState` at that moment. */
  readonly state: number;
}

export const CONNECTING = 0;
export const OPEN = 1;
export const CLOSED = 2;

/** An `EventSource` that is listened to. */
interface Listening {
  readonly dispatched: readonly Dispatched[];
  /** Its `readyState` now. */
  readonly state: () => Promise<number>;
}

/** How an implementation differs from the standard and from the others. */
export interface Traits {
  /** It ignores an `id:` in a block without data. The standard says that such a block sets the last event id. */
  readonly ignoresIdWithoutData?: boolean;
  /** It removes U+0000 from data. */
  readonly removesNull?: boolean;
  /** It waits half a second or longer before it reconnects, whatever `retry:` says. */
  readonly reconnectsSlowly?: boolean;
}

/** An implementation of `EventSource`. */
export interface EventSourceImplementation extends Traits {
  readonly name: string;
  /**
   * Listens to `open`, `error`, `message` and the events of these types, until the test is finished. In a browser, all of a
   * test are in one page.
   */
  listen(url: string, types?: readonly string[]): Promise<Listening>;
}

/** What all implementations have in common. */
export interface EventSourceLike {
  readonly readyState: number;
  onmessage: unknown;
  close(): void;
  addEventListener(type: string, listener: (event: EventLike) => void): void;
}

interface EventLike {
  readonly type: string;
  readonly data?: string;
  readonly lastEventId?: string;
}

/**
 * Reports what an `EventSource` dispatches. Runs in the test, or as a string in a page: it MUST NOT refer to anything
 * outside.
 */
export function reportEvents(
  source: EventSourceLike,
  types: readonly string[],
  report: (dispatched: Dispatched) => void,
): void {
  const listener = ({ type, data, lastEventId = "" }: EventLike): void =>
    report({ type, ...(data !== undefined && { data, id: lastEventId }), state: source.readyState });
  source.onmessage = listener;
  for (const type of ["open", "error", ...types]) source.addEventListener(type, listener);
}
