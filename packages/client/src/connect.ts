import type { Connection } from "./connection/connection.ts";
import { createDecode, type DecodeOptions, type Message, type TextMessage } from "./connection/decode.ts";
import { createHttpTransport } from "./connection/http-transport.ts";
import { readOptions, type ResilienceOptions } from "./connection/options.ts";
import { createStreamConnection } from "./connection/stream-connection.ts";
import type { Asked } from "./request/request-options.ts";
import type { Decoded, DecoderMap } from "./stream/decoder.ts";

/** Options of `connect`. */
export interface ConnectOptions<Map extends DecoderMap = DecoderMap>
  extends ResilienceOptions, DecodeOptions<Map> {}

/**
 * Connects to an event stream at once, and reconnects after a loss, with its cursor, until the stream has ended. It
 * delivers the events of the application. A holdfast server's control events change `state`, call `onReset` or
 * `onServerError`, or end the connection.
 *
 * @param url as for `fetch`; a function is called before each attempt
 * @throws TypeError for an option that is not valid
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
  const decode = createDecode(options);
  const settings = readOptions(options);
  return createStreamConnection(settings, createHttpTransport(url, settings), decode);
}
