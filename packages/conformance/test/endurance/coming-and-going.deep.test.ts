import { expect, test } from "vitest";
import { type RemoteServer, startServer } from "./remote-server.ts";
import { NOTHING } from "./terms.ts";
import { type Sight, visit } from "./visit.ts";

const AT_ONCE = 50;
/** Until then caches and pools fill, and code is compiled. */
const WARM_UP = 1_000;
/** Over 20,000 clients this is 50 bytes for each. */
const MARGIN = 1 << 20;

const sights: readonly Sight[] = [
  { path: "/job", first: "data: first\n\n" },
  { path: "/bare", first: "data: first\n\n" },
  { path: "/later", first: '"state":"waiting"' },
];

/** So many clients come, some at once, and go again. */
async function visits(server: RemoteServer, count: number): Promise<void> {
  let come = 0;
  const guest = async (): Promise<void> => {
    for (let number = come++; number < count; number = come++) {
      const sight = sights[number % sights.length] as Sight;
      await visit(server.port, sight, number % 2 === 0 ? "reset" : "fin");
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, guest));
}

test.each([
  ["node-http", 20_000],
  ["express", 3_000],
  ["hono", 3_000],
] as const)(
  "%s: of %i clients that came and went nothing is left",
  { timeout: 120_000 },
  async (framework, count) => {
    const server = await startServer(framework);
    const atFirst = await server.ask("state");
    await visits(server, WARM_UP);
    expect(await server.deserted()).toEqual(atFirst);
    const before = await server.ask("census");

    await visits(server, count);
    expect(await server.deserted()).toEqual(atFirst);
    const after = await server.ask("census");
    expect(after.resources).toEqual(before.resources);
    expect(after.alive - before.alive).toBeLessThan(AT_ONCE);
    expect(after.bytes - before.bytes).toBeLessThan(MARGIN);
    expect(await server.ask("close")).toEqual(NOTHING);
  },
);
