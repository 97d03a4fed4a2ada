import { createServer } from "node:http";
import { createRegistry } from "@holdfast/core";
import { multiplex } from "@holdfast/core/multiplex";
import { sse } from "@holdfast/node-http";
import { listen } from "./listen.ts";
import type { Peer } from "./peer.ts";

/** How many events reach a connection at once, from one stream or from as many members. */
export const AT_ONCE = 10;
/** How many connections have streams of their own. */
export const CONNECTIONS = 200;

/**
 * A server whose client at `/answer-<index>` has streams of its own: those with this index, and every 200th behind it. All
 * clients at `/all` have the same ones.
 *
 * @param members how many streams a connection has; `undefined` for one without `multiplex`
 */
export const multiplexed = (members?: number): Peer => ({
  async start() {
    const registry = createRegistry({ maxConnections: 20_000, maxStreams: 20_000 });
    const channel = (name: string | number) => registry.channel(String(name));
    const all = Array.from({ length: AT_ONCE }, (_, index) => `all-${index % (members ?? 1)}`);
    let connections = 0;

    /** The members of a client, or its only stream. */
    function namesOf(path: string): readonly string[] {
      if (path === "/all") return [...new Set(all)];
      const index = indexOf(path);
      return Array.from({ length: members ?? 1 }, (_, member) => String(index + member * CONNECTIONS));
    }

    const server = createServer((req, res) => {
      const names = namesOf(req.url ?? "");
      if (members === undefined) return void sse(req, res, channel(names[0] as string));
      const query = new URLSearchParams({ mux: `connection-${connections++}` });
      for (const name of names) query.append("on", name);
      req.url = `/?${query.toString()}`;
      void sse(req, res, multiplex(channel));
    });
    return {
      port: await listen(server),
      publish(path, data) {
        for (const name of path === "/all" ? all : [indexOf(path)]) channel(name).push({ data });
      },
    };
  },
});

function indexOf(path: string): number {
  return Number(path.slice("/answer-".length));
}
