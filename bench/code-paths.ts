/**
 * Prints which source files run, measured by V8 coverage: for one push, from the producer to the socket, and for one
 * request, from the HTTP server to the first bytes. CONTRIBUTING.md describes these ways.
 */
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import { Session } from "node:inspector/promises";
import type { AddressInfo } from "node:net";
import { createRegistry, sse } from "@holdfast/node-http";

const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });

/** The files of packages in which a function was called meanwhile. */
async function filesRunBy(action: () => Promise<unknown>): Promise<string[]> {
  await session.post("Profiler.takePreciseCoverage"); // resets the counts
  await action();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  return result
    .filter(({ functions }) => functions.some(({ ranges }) => ranges.some(({ count }) => count > 0)))
    .flatMap(({ url }) => /packages\/(.+)\/src\/(.+)/.exec(url)?.slice(1).join("/") ?? [])
    .sort();
}

const jobs = createRegistry();
const job = await jobs.open("42");
const server = createServer((req, res) => void sse(req, res, jobs.stream("42")));
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;

async function connect(): Promise<IncomingMessage> {
  const request = get({ port, host: "127.0.0.1", agent: false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  await once(response, "data");
  return response;
}

/** Pushes, and waits until the client has the event. */
async function push(client: IncomingMessage): Promise<void> {
  const received = once(client, "data");
  job.push({ data: "hello" });
  await received;
}

const client = await connect();
for (let count = 0; count < 3; count++) await push(client);
const ways = {
  "a push, to the socket": await filesRunBy(() => push(client)),
  "a request, to its first bytes": await filesRunBy(connect),
};
for (const [name, files] of Object.entries(ways)) {
  console.log(`${name}: ${files.length} files\n${files.map((file) => `  ${file}`).join("\n")}`);
}
process.exit();
