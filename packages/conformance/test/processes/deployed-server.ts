/*
 * A process of a service that is deployed while it is used: a web server, a worker, or both. Its parent is the queue: it
 * says which jobs to run.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { type BareFunction, createRegistry, type SseEvent } from "@holdfast/core";
import { sse } from "@holdfast/node-http";
import { redisStore } from "../../../redis/src/index.ts";
import { ioredis } from "../../../redis/test/support/clients.ts";
import type { DeployedOptions, FromDeployed, ToDeployed } from "./deployment.ts";

const { redisPort, durability } = JSON.parse(process.argv[2] as string) as DeployedOptions;
const connected = await ioredis.connect(redisPort);
const observer = { failed: () => undefined, warned: () => undefined };
const jobs = createRegistry<{ message: number }>({
  store: redisStore({ client: connected.client, observer }),
  durability,
  retryWindow: 600_000,
  observer,
});

const PAUSE = 20;
/** Set when all jobs and feeds have to end. */
let isFinishing = false;

const send = (message: FromDeployed): void => void process.send?.(message);

/** Runs a job, behind what an earlier run has stored. */
async function run(id: string): Promise<void> {
  const writer = await jobs.open(id, { ifExists: "append" });
  const status = await writer.pipe(async function* ({ signal }) {
    for (let number = writer.last + 1; !isFinishing; number++) {
      await pause(PAUSE, undefined, { signal });
      yield { data: number };
    }
  });
  if (status === "done") send({ done: id, events: writer.last });
}

/** A feed for each client, which goes on where the client is. */
const feed: BareFunction = async function* ({ lastEventId, signal }): AsyncGenerator<SseEvent> {
  for (let number = Number(lastEventId ?? 0) + 1; !isFinishing; number++) {
    await pause(PAUSE, undefined, { signal });
    yield { id: `${number}`, data: number };
  }
};

/** Every tenth event of a stream. */
const filtered = (id: string): BareFunction =>
  async function* ({ lastEventId: cursor, signal }): AsyncGenerator<SseEvent> {
    for await (const event of jobs.subscribe(id, { signal, ...(cursor !== undefined && { cursor }) })) {
      if (Number(event.data) % 10 === 0) yield event;
    }
  };

const server = createServer((req, res) => {
  const [, kind, id = ""] = (req.url ?? "").split("/");
  if (kind === "streams") void sse(req, res, jobs.stream(id));
  else if (kind === "filtered") void sse(req, res, filtered(id), { registry: jobs });
  else void sse(req, res, feed, { registry: jobs });
});

process.on("message", (message: ToDeployed) => {
  if (message === "finish") isFinishing = true;
  else void run(message.run);
});

// These are the lines of docs/shutdown.md.
process.once("SIGTERM", async () => {
  await jobs.close(); // asks all clients to reconnect
  server.close(); // waits for the other requests
  setTimeout(() => process.exit(), 2_000).unref(); // but not for long
});

process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1");
await once(server, "listening");
send({ port: (server.address() as AddressInfo).port });
