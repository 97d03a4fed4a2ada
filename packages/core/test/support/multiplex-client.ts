import { multiplex, type Members } from "../../src/multiplex/index.ts";
import type { ServeOptions } from "../../src/connection/serve-options.ts";
import type { SseRequest } from "../../src/connection/sink.ts";
import { serve } from "../../src/connection/serve.ts";
import { decodeFrames } from "../../src/protocol/decode.ts";
import { createMemoryClient, type MemoryClient } from "../../src/testing/index.ts";

/** A name of a connection, as clients draw it. */
export const MUX = "Zk3v9x0q2maZk3v9x0q2ma";

/** What a client of several members has got: the blocks of each, and the answers without a stream. */
export interface MultiplexClient extends MemoryClient {
  readonly over: Promise<void>;
  /** All blocks that are dispatched, in order, with the member that each belongs to. */
  readonly blocks: readonly MemberBlock[];
  /** The blocks of one member, without `stream.member`. */
  readonly of: (member: string) => readonly MemberBlock[];
  /** The data of the user events of one member. */
  readonly events: (member: string) => unknown[];
  /** The cursor of one member. */
  readonly cursor: (member: string) => string | undefined;
}

export interface MemberBlock {
  readonly member: string | undefined;
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** The query for members, each with its cursor if it has one. `mux` is `null` for a request without a name. */
export function queryOf(
  members: Readonly<Record<string, string | undefined>>,
  mux: string | null = MUX,
): string {
  const query = new URLSearchParams(mux === null ? {} : { mux });
  for (const [name, id = ""] of Object.entries(members)) query.append("on", `${name}@${id}`);
  return query.toString();
}

/** Asks for members, and parses the response. */
export function connectMultiplex(
  members: Members,
  query: string,
  options: ServeOptions & { readonly request?: Partial<SseRequest> } = {},
): MultiplexClient {
  const { request, ...serveOptions } = options;
  const client = createMemoryClient();
  const over = serve(
    { ...client.request, url: `/live?${query}`, ...request },
    client.open,
    multiplex(members),
    { random: () => 0.5, ...serveOptions },
  );
  over.catch(() => undefined);
  const blocks = (): MemberBlock[] => parseBlocks(client.text);
  const of = (member: string): MemberBlock[] =>
    blocks().filter((block) => block.member === member && block.event !== "stream.member");
  return Object.defineProperties(client, {
    over: { value: over },
    blocks: { get: blocks },
    of: { value: of },
    events: {
      value: (member: string) =>
        of(member).flatMap(({ event, data }) => (event.startsWith("stream.") ? [] : [data])),
    },
    cursor: { value: (member: string) => of(member).findLast(({ id }) => id !== undefined)?.id },
  }) as MultiplexClient;
}

/** The blocks of a multiplexed response, as a client takes them apart. */
function parseBlocks(text: string): MemberBlock[] {
  let current: string | undefined;
  return decodeFrames(new TextEncoder().encode(text)).flatMap(({ event, id, data }) => {
    if (data === undefined) return [];
    const value = parse(data);
    const named = (value as { readonly member?: string } | null)?.member;
    if (event === "stream.member") current = named;
    const member = event === "stream.drain" ? named : current;
    return [{ member, event, id, data: value }];
  });
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
