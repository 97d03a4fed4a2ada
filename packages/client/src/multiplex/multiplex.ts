import { validate } from "../base/validate.ts";
import type { Connection } from "../connection/connection.ts";
import { createDecode, type DecodeOptions, type Message, type TextMessage } from "../connection/decode.ts";
import { readOptions, type ResilienceOptions } from "../connection/options.ts";
import type { Transport, TransportRequest } from "../connection/reconnect-loop.ts";
import type { ConnectionState } from "../connection/state.ts";
import { createStreamConnection } from "../connection/stream-connection.ts";
import type { Asked } from "../request/request-options.ts";
import { resolveUrl } from "../request/resolve-url.ts";
import type { Decoded, DecoderMap } from "../stream/decoder.ts";
import { createStreamReader } from "../stream/stream-reader.ts";
import { MemberSeat } from "./member-seat.ts";
import { SharedConnection } from "./shared-connection.ts";

/** As many members as a server takes on one connection. */
const MAX_MEMBERS = 256;

/** Options of `multiplex`: those of the one connection, as for `connect`. */
export type MultiplexOptions = Pick<
  ResilienceOptions,
  | "backoff"
  | "breaker"
  | "clock"
  | "connectTimeout"
  | "credentials"
  | "fetch"
  | "giveUpAfter"
  | "headers"
  | "idleTimeout"
  | "keepAlive"
  | "maxEventSize"
  | "policy"
  | "random"
>;

/** Options of one member: those of `connect` that are about its events. */
export interface MemberOptions<Map extends DecoderMap = DecoderMap>
  extends
    DecodeOptions<Map>,
    Pick<ResilienceOptions, "lastEventId" | "onReset" | "onServerError" | "signal"> {}

/** Many streams on one connection. */
export interface Multiplex extends Disposable {
  /**
   * Reads a member: a stream or a channel that the server offers by this name. The connection that is returned behaves as
   * one of `connect` to that stream alone, with these differences: a loss of the shared connection shows in the state of
   * all its members, and the server's answer 403 to a member is fatal at once.
   *
   * @throws TypeError for an option that is not valid, for a member that is connected already, and for the 257th
   */
  connect(member: string, options?: MemberOptions & { readonly events?: never }): Connection<TextMessage>;
  connect<Map extends DecoderMap>(
    member: string,
    options: MemberOptions<Map> & { readonly events: Map },
  ): Connection<Message<Decoded<Map>>>;
  /** Closes the connections of all members. New ones may follow. */
  close(): void;
}

/** Where the members read: the shared connection, or what takes its place. */
export interface MemberHost<S extends MemberSeat = MemberSeat> {
  createSeat(member: string, request: TransportRequest, maxPrefix: number): S;
  join(seat: S): void;
  leave(seat: S): void;
  /** Called when a member has made progress. */
  readonly onProgress: () => void;
}

/** Makes connections of members, whose places are on this host. */
export function createMultiplex<S extends MemberSeat>(
  host: MemberHost<S>,
  options: MultiplexOptions,
): Multiplex {
  // One request of all members takes one permit.
  const { breaker: _breaker, ...unguarded } = options;
  const connections = new Map<string, Connection<unknown>>();

  function connect(member: string, memberOptions: MemberOptions = {}): Connection<unknown> {
    validate(typeof member === "string" && member !== "", "member", "a name", member);
    validate(!connections.has(member), "member", "one that is not connected already", member);
    validate(connections.size < MAX_MEMBERS, "member", `one of at most ${MAX_MEMBERS}`, member);
    const settings = readOptions({
      ...unguarded,
      ...memberOptions,
      // The headers are those of the shared connection: other ones would not change the answer to a member.
      policy: { unauthorized: "fatal", ...options.policy },
    });
    const transport: Transport = {
      createReader: (onActivity, onProgress) =>
        createStreamReader(settings, onActivity, () => {
          onProgress();
          host.onProgress();
        }),
      read(request) {
        const seat = host.createSeat(member, request, settings.maxEventSize);
        request.attempt.signal.addEventListener("abort", () => host.leave(seat));
        host.join(seat);
        return seat.batches(() => host.join(seat));
      },
    };
    const connection = createStreamConnection(settings, transport, createDecode(memberOptions));
    const track = ({ status }: ConnectionState): void => {
      const current = connections.get(member) ?? connection;
      if (current !== connection) return;
      if (status === "closed") connections.delete(member);
      else connections.set(member, connection);
    };
    connection.subscribe(track);
    track(connection.state);
    return connection;
  }

  function close(): void {
    for (const connection of connections.values()) connection.close();
  }

  return { connect: connect as Multiplex["connect"], close, [Symbol.dispose]: close };
}

/**
 * Reads many streams and channels on one connection, from a server that serves them with `multiplex` of
 * `@holdfast/core/multiplex`. A request is made for the first member. When members come or go, another one follows, with
 * the cursors of all: nothing is lost or doubled. Changes within 20 ms are one.
 *
 * Of a member that is not read, 256 KiB wait; then the client asks for it again when it is read. Other members do not
 * wait for it.
 *
 * @param url as for `fetch`; a function is called before each attempt
 * @throws TypeError for an option that is not valid
 *
 * @example
 * const live = multiplex("/live");
 * const job = live.connect("jobs/42", { events: { progress: json<Progress>() } });
 * const lobby = live.connect("lobby");
 * for await (const { data } of job) show(data.done, data.total);
 */
export function multiplex(url: Asked<string | URL>, options: MultiplexOptions = {}): Multiplex {
  if (typeof url !== "function") resolveUrl(url);
  return createMultiplex(new SharedConnection(url, readOptions(options)), options);
}
