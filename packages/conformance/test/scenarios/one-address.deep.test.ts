import { createServer } from "node:http";
import { listen } from "@holdfast/conformance";
import { sse } from "@holdfast/node-http";
import { expect, onTestFinished, test } from "vitest";
import { dataOf } from "../../src/wire/frames.ts";
import { type Http1Client, sendHttp1 } from "../../src/wire/http1.ts";
import { testRegistry } from "../support/test-registry.ts";

/*
 * Scenario: one address opens 5,000 connections to a service for 1,000, and keeps those that it gets. With a limit for each
 * address, everybody else is served. Covers the limits of core/connection/connection-pool.ts over sockets.
 */

const ATTACKS = 5_000;
const BATCH = 250;
const USERS = 300;

interface Service {
  open(address: string): Http1Client;
  push(data: string): void;
  readonly connections: number;
}

async function startService(maxConnectionsPerKey: number): Promise<Service> {
  const { registry } = testRegistry({ maxConnections: 1_000, maxConnectionsPerKey });
  const news = registry.channel("news");
  const { port, close } = await listen(
    createServer((req, res) => {
      // Stands for the address of the peer, which is the same for all clients here.
      void sse(req, res, news, { key: String(req.headers["x-address"]) });
    }),
  );
  onTestFinished(close);
  return {
    open(address) {
      const client = sendHttp1(port, { path: "/", headers: { "x-address": address } });
      onTestFinished(() => client.cut());
      return client;
    },
    push: (data) => news.push({ data }),
    get connections() {
      return registry.gauges().connections;
    },
  };
}

/** Opens connections, some at a time; each is either live or asked to come back. Returns those that are live. */
async function attack(service: Service): Promise<Http1Client[]> {
  const kept: Http1Client[] = [];
  for (let opened = 0; opened < ATTACKS; opened += BATCH) {
    const clients = Array.from({ length: BATCH }, () => service.open("mallory"));
    for (const client of clients) {
      await client.until("event: stream.");
      if (client.text.includes("event: stream.open")) {
        await client.until("event: stream.live");
        kept.push(client);
      } else {
        await client.finished();
        expect(dataOf(client.text, "stream.drain")).toEqual({ reason: "busy" });
      }
    }
  }
  return kept;
}

test("with a limit for each key, one address that opens 5,000 connections keeps nobody else out", async () => {
  const service = await startService(50);
  expect(await attack(service)).toHaveLength(50);
  const users = Array.from({ length: USERS }, (_, user) => service.open(`user ${user}`));
  for (const user of users) await user.until("event: stream.live");
  expect(service.connections).toBe(50 + USERS);
  service.push("breaking");
  for (const user of users) await user.until("data: breaking");
});

test("without one, it has all 1,000, and others are asked to come back", async () => {
  const service = await startService(Infinity);
  expect(await attack(service)).toHaveLength(1_000);
  const user = service.open("user");
  await user.finished();
  expect(dataOf(user.text, "stream.drain")).toEqual({ reason: "busy" });
});
