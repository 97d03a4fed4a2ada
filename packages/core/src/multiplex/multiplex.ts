import { HoldfastError } from "../base/errors.ts";
import { check, invalidOption } from "../base/validate.ts";
import { bareHostOf } from "../connection/bare-host.ts";
import type { ConnectMember } from "../connection/client-connection.ts";
import { withOnClose } from "../connection/close-info.ts";
import { sendEmptyResponse } from "../connection/empty-response.ts";
import { resolveRuntime } from "../connection/options.ts";
import { retryDelay } from "../connection/retry-delay.ts";
import type { ServeOptions } from "../connection/serve-options.ts";
import type { OpenSink, SseRequest } from "../connection/sink.ts";
import { ACCEPT, type MultiplexSource, type StreamSource } from "../connection/source.ts";
import { isTerminal } from "../protocol/cursor.ts";
import { isStreamId } from "../protocol/event-id.ts";
import { NO_STREAM_HEADERS, STREAM_HEADERS } from "../protocol/headers.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import { MAX_BODY, parseRequest, type RequestedMember } from "./member-request.ts";
import { MultiplexedResponse } from "./multiplexed-response.ts";

/** What a client gets for the name of a member: a stream or channel, or the status that it is answered with. */
export type MemberSource = StreamSource | 403 | 404;

/**
 * The members of a connection: streams and channels by name, or a function that finds them. The function is called once for
 * each member of each request, so that it can check what the client may read. `request` is that of the connection, with the
 * cursor of the member. If it throws or rejects, that member is answered with 503, and the client asks again.
 */
export type Members =
  | Readonly<Record<string, StreamSource>>
  | ((member: string, request: SseRequest) => MemberSource | PromiseLike<MemberSource>);

/**
 * Serves several streams and channels, of one registry or several, on one connection. The client is `multiplex` of
 * `@holdfast/client`, and asks for up to 256 members by name, each with a cursor of its own. Whatever happens to one member
 * costs the others nothing.
 *
 * The connection counts once: in the registry that the option `registry` of the call names, or else in that of the first
 * stream. The options `wait`, `from`, `filter` and `overload` of the call apply to each member; `control` and `compression` are not allowed.
 *
 * @param members a map answers 404 for names that it does not have
 * @throws `INVALID_OPTION`
 *
 * @example
 * app.all("/live", (c) =>
 *   sse(c, multiplex({ "jobs/42": jobs.stream("42"), lobby: rooms.channel("lobby") }), { key: userOf(c).id }),
 * );
 *
 * @example
 * const members = multiplex(async (member) => {
 *   const job = await db.jobs.find(member);
 *   if (job === undefined) return 404;
 *   return job.owner === user.id ? jobs.stream(job.id) : 403;
 * });
 */
export function multiplex(members: Members): MultiplexSource {
  const isObject = typeof members === "object" && members !== null;
  check(isObject || typeof members === "function", "members", "an object or a function", members);
  if (isObject) for (const [name, source] of Object.entries(members)) checkSource(`members.${name}`, source);
  const find: Find =
    typeof members === "function"
      ? members
      : (name) => (Object.hasOwn(members, name) ? (members[name] as StreamSource) : 404);
  return { [ACCEPT]: (request, open, options = {}) => accept(find, request, open, options) };
}

type Find = Extract<Members, (...args: never) => unknown>;

function checkSource(name: string, source: unknown): asserts source is StreamSource {
  const isSource = typeof source === "object" && source !== null && ACCEPT in source && "id" in source;
  check(isSource, name, "a stream, writer or channel of a registry", source);
}

function accept(
  find: Find,
  request: SseRequest,
  open: OpenSink,
  options: ServeOptions,
): Promise<ServeResult> {
  const { key, control, compression, onClose } = options;
  if (control !== undefined) throw invalidOption("control", "left out for `multiplex`", control);
  if (compression) throw invalidOption("compression", "left out for `multiplex`", compression);
  const done = respond(find, request, open, options);
  if (onClose === undefined) return done;
  const { report } = bareHostOf(options.registry)?.pool.runtime ?? resolveRuntime(options);
  return withOnClose(done, { id: undefined, key }, onClose, report);
}

async function respond(
  find: Find,
  request: SseRequest,
  open: OpenSink,
  options: ServeOptions,
): Promise<ServeResult> {
  const body = request.method === "POST" ? await readBody(request) : undefined;
  if (request.signal.aborted) return sendEmptyResponse(open, 499);
  const headers = { ...STREAM_HEADERS, ...NO_STREAM_HEADERS };
  if (request.method === "HEAD") return sendEmptyResponse(open, 200, headers);
  const asked = parseRequest(request.url, body, request.cursor);
  if (typeof asked === "string") return sendText(open, 400, asked);
  const response = new MultiplexedResponse(request, open, options, asked);
  const host = bareHostOf(options.registry);
  if (host !== undefined) response.admit(host, response.labels);
  for (const member of asked.members) join(response, find, request, options, member);
  response.begin();
  return response.done;
}

/** A body that breaks off belongs to a client that has left. */
async function readBody({ body, signal }: SseRequest): Promise<unknown> {
  try {
    return await body?.(MAX_BODY);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

function sendText(open: OpenSink, status: number, text: string): Promise<ServeResult> {
  const bytes = new TextEncoder().encode(`${text}\n`);
  const headers = { ...NO_STREAM_HEADERS, "content-type": "text/plain; charset=utf-8" };
  return new Promise((resolve) => {
    const events = { drained: () => undefined, closed: () => resolve({ status }) };
    const sink = open(status, headers, events, bytes);
    sink.write(bytes);
    sink.close();
  });
}

/** Finds the source of one member, and connects it. Whatever fails is the answer to this member alone. */
function join(
  response: MultiplexedResponse,
  find: Find,
  request: SseRequest,
  options: ServeOptions,
  { name, cursor }: RequestedMember,
): void {
  const memberRequest = { ...request, cursor };
  const connect = (found: MemberSource): void => {
    if (response.isOver) return;
    if (found === 403 || found === 404) return response.addAnswer(name, { status: found });
    checkSource(`members(${JSON.stringify(name)})`, found);
    const connectMember: ConnectMember = (...args) => response.connect(name, ...args);
    void found[ACCEPT](memberRequest, noResponse, { ...options, control: true }, true, connectMember);
  };
  const fail = (error: unknown): void => {
    response.runtime.report("failed", { id: name, key: options.key, stage: "source", error });
    const { retryAfter = retryDelay(response.runtime.random, "busy") } = HoldfastError.is(error) ? error : {};
    response.addAnswer(name, { status: 503, retryAfter });
  };
  const attempt = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      fail(error);
    }
  };
  attempt(() => {
    // In both cases there is nothing to look up: the client has everything, or the name is impossible.
    if (isTerminal(cursor)) return response.addAnswer(name, { status: 204 });
    if (!isStreamId(name)) return response.addAnswer(name, { status: 404 });
    if (response.isOver) return;
    const found = find(name, memberRequest);
    if (!isThenable(found)) return connect(found);
    response.waitFor();
    void Promise.resolve(found)
      .then((source) => attempt(() => connect(source)), fail)
      .then(() => response.resolved());
  });
}

/** A member has no response of its own. */
const noResponse: OpenSink = () => {
  throw new Error("A member of a multiplexed response began a response.");
};

function isThenable(value: MemberSource | PromiseLike<MemberSource>): value is PromiseLike<MemberSource> {
  return typeof (Object(value) as Partial<PromiseLike<unknown>>).then === "function";
}
