/** A member that a client asks for. */
export interface RequestedMember {
  readonly name: string;
  readonly cursor: string | undefined;
}

/** What the request of a multiplexed connection says (PROTOCOL, 18.1). */
export interface MultiplexRequest {
  /** The name of the connection; without one there is one member. */
  readonly mux: string | undefined;
  readonly members: readonly RequestedMember[];
}

/** How many members a connection may have. */
export const MAX_MEMBERS = 256;
/** The longest body of a request, in bytes: 1 KiB for each member. */
export const MAX_BODY = 262_144;
const MAX_NAME = 64;

/** Reads the parameters of a request. Returns what is wrong with them as a text for the client. */
export function parseRequest(
  url: string | undefined,
  body: unknown,
  lastEventId: string | undefined,
): MultiplexRequest | string {
  if (typeof body === "string" && body.length > MAX_BODY)
    return `The body must have at most ${MAX_BODY} bytes.`;
  const parameters = [...queryOf(url), ...parametersOf(body)];
  const mux = parameters.find(([name]) => name === "mux")?.[1] || undefined;
  const on = parameters.filter(([name]) => name === "on");
  if (mux !== undefined && mux.length > MAX_NAME) return `\`mux\` must have at most ${MAX_NAME} characters.`;
  if (on.length === 0) return "There must be a member: `on=<member>` or `on=<member>@<id>`.";
  if (on.length > MAX_MEMBERS) return `There must be at most ${MAX_MEMBERS} members.`;
  const members = on.map(([, value]) => parseMember(value));
  if (new Set(members.map(({ name }) => name)).size < members.length) return "A member is there twice.";
  if (mux !== undefined) return { mux, members };
  if (members.length > 1) {
    return "Several members need `mux=<name>`. A native EventSource has only one cursor and cannot resume several.";
  }
  return { mux, members: members.map((member) => ({ ...member, cursor: lastEventId ?? member.cursor })) };
}

function parseMember(value: string): RequestedMember {
  const end = value.lastIndexOf("@");
  if (end === -1) return { name: value, cursor: undefined };
  return { name: value.slice(0, end), cursor: value.slice(end + 1) || undefined };
}

function queryOf(url = ""): Iterable<[string, string]> {
  return new URLSearchParams(/^[^?#]*\?([^#]*)/.exec(url)?.[1]);
}

/** The parameters of a body, which may be parsed already: middleware makes an object of it, with lists in one form or another. */
function parametersOf(body: unknown): Iterable<[string, string]> {
  if (typeof body === "string") return new URLSearchParams(body);
  return Object.entries(Object(body)).flatMap(([name, value]: [string, unknown]) => {
    const values: unknown[] = typeof value === "object" && value !== null ? Object.values(value) : [value];
    return values.flatMap((each): [string, string][] => (typeof each === "string" ? [[name, each]] : []));
  });
}
