/** Something that an `EventSource` told its listeners. */
export interface Heard {
  readonly type: string;
  /** An event of the stream has these two; what tells of the connection has not. */
  readonly data?: string;
  readonly id?: string;
  /** The `readyState` at that moment. */
  readonly state: number;
}

export const CONNECTING = 0;
export const OPEN = 1;
export const CLOSED = 2;

/** An `EventSource` at work. */
interface Listening {
  readonly heard: readonly Heard[];
  /** Its `readyState` now. */
  readonly state: () => Promise<number>;
}

/** Somebody's implementation of `EventSource`. */
export interface NativeClient {
  readonly name: string;
  /** Listens until the test is finished: to `open`, `error`, `onmessage` and the events of these types. */
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

/** Passes on what an `EventSource` tells. Runs in the test or in a page: it MUST NOT use anything from outside. */
export function passOn(
  source: EventSourceLike,
  types: readonly string[],
  tell: (heard: Heard) => void,
): void {
  const listener = ({ type, data, lastEventId = "" }: EventLike): void =>
    tell({ type, ...(data !== undefined && { data, id: lastEventId }), state: source.readyState });
  source.onmessage = listener;
  for (const type of ["open", "error", ...types]) source.addEventListener(type, listener);
}
