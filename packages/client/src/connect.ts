import { check, checkOneOf } from "./check.ts";
import { ConnectionError } from "./connection-error.ts";
import { decode, type Decoded, type Decoder } from "./decode.ts";
import { type Connection, hold } from "./engine.ts";
import { type Asked, readOptions, type ResilienceOptions } from "./options.ts";

/** An event with its data as text. */
export interface TextMessage {
  /** The cursor behind it: its own id, or if it has none the one before (WHATWG HTML, 9.2.6). */
  readonly id: string;
  /** @default "message" */
  readonly event: string;
  readonly data: string;
}

/** An event of which it is known what its data is: `Events` maps names to data. */
export type Message<Events extends object> = {
  readonly [Name in keyof Events & string]: {
    readonly id: string;
    readonly event: Name;
    readonly data: Events[Name];
  };
}[keyof Events & string];

export type DecoderMap = Readonly<Record<string, Decoder<unknown>>>;

export interface ConnectOptions<Map extends DecoderMap = DecoderMap> extends ResilienceOptions {
  /**
   * Makes the data of the events with these names; that of others is their text. The type of the messages comes from
   * here, and speaks of these names only.
   */
  readonly events?: Map;
  /**
   * What to do about data that its decoder does not take: leave the event out, or fail with a
   * {@link ConnectionError} `invalid`.
   * @default "error"
   */
  readonly onInvalid?: "skip" | "error";
}

/**
 * Connects to an event stream at once, and holds on to it: comes back after a loss, with its cursor, until the stream is
 * over. The messages are those of the stream's user; what a holdfast server says of the stream becomes `state`, a call of
 * `onReset` or `onServerError`, or the end.
 *
 * @param url as for `fetch`; a function is asked before each attempt
 * @throws TypeError for an option that is wrong
 *
 * @example
 * const job = connect("/jobs/42", { events: { progress: json<Progress>(), done: Result } });
 * for await (const { event, data } of job) {
 *   if (event === "progress") show(data.done, data.total);
 * }
 */
export function connect(
  url: Asked<string | URL>,
  options?: ConnectOptions & { readonly events?: never },
): Connection<TextMessage>;
export function connect<Map extends DecoderMap>(
  url: Asked<string | URL>,
  options: ConnectOptions<Map> & { readonly events: Map },
): Connection<Message<Decoded<Map>>>;
export function connect(url: Asked<string | URL>, options: ConnectOptions = {}): Connection<unknown> {
  const { events = {}, onInvalid = "error" } = options;
  for (const [name, decoder] of Object.entries(events)) {
    const isDecoder = typeof decoder === "function" || "~standard" in Object(decoder);
    check(isDecoder, name, "a function or a schema", decoder);
  }
  checkOneOf("onInvalid", onInvalid, "skip|error");
  return hold(url, readOptions(options), async ({ control, data, event, id }) => {
    if (control !== undefined) return undefined;
    try {
      const decoder = Object.hasOwn(events, event) && events[event];
      return { id, event, data: decoder ? await decode(decoder, data) : data };
    } catch (cause) {
      if (onInvalid === "skip") return undefined;
      throw new ConnectionError("invalid", `Invalid data of "${event}".`, { cause });
    }
  });
}
