import { createServer } from "node:http";
import { createRegistry } from "@holdfast/core";
import { multiplex } from "@holdfast/core/multiplex";
import { sse } from "@holdfast/node-http";
import { build } from "esbuild";
import { onTestFinished } from "vitest";
import { listen } from "../../src/harness/listen.ts";
import type { Pushed } from "./tab-page.ts";

export const MEMBERS = ["job", "feed", "notices"];

/** A stream that clients wait for, until it is opened. */
export const REPORT = "report";

const ICON = `<link rel="icon" href="data:,">`;
/** Notes whether the page came out of the back/forward cache. */
const PAGE = `${ICON}<script>addEventListener("pageshow", (event) => { globalThis.isPersisted = event.persisted; })</script>
<script src="/tab.js"></script>`;

export interface TabServer {
  readonly url: string;
  /** How many connections with events are open. */
  readonly connections: () => number;
  /** How many events each of the channels of a user has, if it has as many as the others. */
  readonly pushed: (user: string) => number;
  /** Pushes an event to a channel of a user. */
  readonly push: (user: string, member: string) => void;
  /** Pushes to all channels of a user again and again, until the test is finished. */
  readonly pushAlways: (user: string) => void;
  /** Opens the report of a user, with one event. */
  readonly openReport: (user: string) => Promise<void>;
  close(): Promise<void>;
}

/** Serves three channels of each user on `/live`, over HTTP/1.1, and pages that read them. */
export async function startTabServer(): Promise<TabServer> {
  const script = await build({
    entryPoints: [`${import.meta.dirname}/tab-page.ts`],
    conditions: ["@holdfast/source"],
    bundle: true,
    format: "iife",
    globalName: "tabs",
    write: false,
  });
  const text = script.outputFiles[0]?.text ?? "";
  const files: Record<string, readonly [type: string, content: string]> = {
    "/tab": ["text/html", PAGE],
    "/elsewhere": ["text/html", ICON],
    "/tab.js": ["text/javascript", text],
    "/worker.js": ["text/javascript", `${text}\ntabs.serve(globalThis);`],
    "/shared-worker.js": ["text/javascript", `${text}\nonconnect = ({ ports }) => tabs.serve(ports[0]);`],
    "/ping": ["text/plain", "pong"],
  };
  const registry = createRegistry();
  const server = createServer((req, res) => {
    const file = files[req.url ?? ""];
    if (file) return void res.setHeader("content-type", file[0]).end(file[1]);
    if (!req.url?.startsWith("/live")) return void res.writeHead(404).end();
    const user = /^Bearer (\w+)$/.exec(req.headers.authorization ?? "")?.[1];
    if (user === undefined) return void res.writeHead(401).end();
    const source = multiplex((member) => {
      const id = `${user}/${member}`;
      return member === REPORT ? registry.stream(id, { wait: 600_000 }) : registry.channel(id);
    });
    sse(req, res, source).catch(() => res.destroy());
  });
  const counts = new Map<string, number>();
  const { close, port } = await listen(server);
  function push(user: string, member: string): void {
    const channel = `${user}/${member}`;
    const n = (counts.get(channel) ?? 0) + 1;
    counts.set(channel, n);
    const event: Pushed = { owner: user, n, at: Date.now() };
    registry.channel(channel).push({ data: event });
  }
  return {
    url: `http://127.0.0.1:${port}`,
    connections: () => registry.gauges().connections,
    pushed: (user) => Math.min(...MEMBERS.map((member) => counts.get(`${user}/${member}`) ?? 0)),
    push,
    pushAlways(user) {
      const timer = setInterval(() => MEMBERS.forEach((member) => push(user, member)), 20);
      onTestFinished(() => clearInterval(timer));
    },
    async openReport(user) {
      const event: Pushed = { owner: user, n: 1, at: Date.now() };
      (await registry.open(`${user}/${REPORT}`)).push({ data: event });
    },
    async close() {
      await registry.close({ deadline: 0 });
      await close();
    },
  };
}
