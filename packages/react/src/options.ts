import type { ConnectOptions, Decoded, DecoderMap, Message, TextMessage } from "@holdfast/client";

/** What belongs to a request that starts something, what components cannot share, and what a hook decides itself. */
type NotForHooks =
  | "body"
  | "idempotent"
  | "lastEventId"
  | "method"
  | "onReset"
  | "onServerError"
  | "resumeUrl"
  | "signal";

/**
 * Options of `useStream`: those of `connect` that a stream which is only read can have, and `key`. They are read when the
 * stream is connected, not at each render: to change them, change `key` too. Where components share a connection, those of
 * the first count.
 */
export interface StreamOptions<Map extends DecoderMap = DecoderMap> extends Omit<
  ConnectOptions<Map>,
  NotForHooks
> {
  /**
   * Distinguishes streams that have the same URL but are not the same, such as those of two users who are told apart by
   * `headers`. Components share a connection if their URL, their `key` and the names in their `events` are the same.
   */
  readonly key?: string;
}

/** The type of the messages: from the decoders of `events`, or text without them. */
export type StreamMessage<Map extends DecoderMap> = DecoderMap extends Map
  ? TextMessage
  : Message<Decoded<Map>>;

/** Adds a message to a value, and returns the new value. */
type Reduce = (value: unknown, message: unknown) => unknown;

/** The options, where the types of messages and of the value do not matter any more. */
export interface AnyOptions extends StreamOptions {
  readonly reduce?: Reduce | undefined;
  readonly initial?: unknown;
}
