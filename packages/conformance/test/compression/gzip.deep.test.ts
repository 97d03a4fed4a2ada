import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "@holdfast/gzip";
import { sse } from "@holdfast/node-http";
import { fetch as undiciFetch } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import { listen } from "@holdfast/conformance";
import { eventsOf } from "../../src/wire/frames.ts";
import { describeInChromium } from "../support/chromium.ts";
import { describeInFirefox } from "../support/firefox.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { testRegistry } from "../support/test-registry.ts";

// Clients join a compressed stream at random places, and leave it at random moments.

const JOINS = Number(process.env["HOLDFAST_RUNS"] ?? 25);

/** Where a client joins, and how many chunks it reads before it leaves. */
interface Visit {
  readonly url: string;
  readonly chunks: number;
}

/** Runs in browsers, too: reads a response as text until it ends, or for some chunks. */
async function read({ url, chunks }: Visit): Promise<Answer> {
  const controller = new AbortController();
  const response = await fetch(url, { signal: controller.signal });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let chunk = 0; chunk < chunks; chunk++) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  controller.abort();
  return { text, encoding: response.headers.get("content-encoding") };
}

/** What was pushed, in order and by id. */
interface Pushed {
  readonly ids: string[];
  readonly data: Map<string, string>;
}

interface Answer {
  readonly text: string;
  readonly encoding: string | null;
}

async function follow(
  visit: (visit: Visit) => Promise<Answer>,
  prepare?: (url: string) => Promise<unknown>,
): Promise<void> {
  const next = seededRandom();
  const random = (below: number): number => Math.floor(next() * below);
  const { registry } = testRegistry({ compression: gzip, heartbeat: 20, buffer: { bytes: 400_000 } });
  const job = await registry.open("job");
  const server = createServer((req, res) => {
    if (req.url === "/page") return void res.setHeader("content-type", "text/html").end("<!doctype html>");
    void sse(req, res, job);
  });
  const { port, close } = await listen(server);
  onTestFinished(close);

  await prepare?.(`http://127.0.0.1:${port}/page`);
  const pushed: Pushed = { ids: [], data: new Map() };
  let isDone = false;
  const produce = async (): Promise<void> => {
    while (!isDone) {
      for (let left = random(6); left > 0; left--) {
        const size = random(50) === 0 ? random(20_000) : random(200);
        const data = `${pushed.ids.length} ${"once upon a time ".repeat(size / 10)}${random(1e9)}`;
        const id = job.push({ data }) as string;
        pushed.ids.push(id);
        pushed.data.set(id, data);
      }
      // Now and then long enough for a heartbeat.
      await sleep(random(8) === 0 ? 50 : random(5));
    }
    await job.end();
  };
  const producing = produce();
  let visits = 0;
  const client = async (): Promise<void> => {
    while (visits < JOINS) {
      visits++;
      const id = pushed.ids.at(-1 - random(100)) ?? "";
      const chunks = random(5) === 0 ? 80 : random(20) + 1;
      const url = `http://127.0.0.1:${port}/?lastEventId=${encodeURIComponent(random(3) === 0 ? "" : id)}`;
      const { text, encoding } = await visit({ url, chunks });
      expect(encoding).toBe("gzip");
      checkEvents(text, pushed);
    }
  };
  await Promise.all([client(), client(), client(), client()]).finally(() => (isDone = true));
  await producing;
}

/** Whole events MUST be consecutive, and each the one that was pushed. */
function checkEvents(text: string, { data }: Pushed): void {
  const events = eventsOf(text);
  for (const event of events) expect(event.data).toBe(data.get(event.id ?? ""));
  const numbers = events.map((event) => Number.parseInt(event.data ?? "", 10));
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] as number) + index));
}

describe("random joins and cuts of a compressed stream, byte for byte", () => {
  test("by fetch of Node", () => follow(read), 600_000);

  test(
    "by undici",
    () =>
      follow(async ({ url, chunks }) => {
        const controller = new AbortController();
        const response = await undiciFetch(url, { signal: controller.signal });
        const decoder = new TextDecoder();
        let text = "";
        let left = chunks;
        for await (const chunk of response.body ?? []) {
          text += decoder.decode(chunk as Uint8Array, { stream: true });
          if (--left === 0) break;
        }
        controller.abort();
        return { text, encoding: response.headers.get("content-encoding") };
      }),
    600_000,
  );

  test(
    "by curl",
    () =>
      follow(async ({ url, chunks }) => {
        const args = [
          "--silent",
          "--no-buffer",
          "--compressed",
          "--max-time",
          String(0.1 + chunks / 100),
          "--dump-header",
          "/dev/stderr",
          url,
        ];
        // It exits with 28 when its time is over.
        const { stdout, stderr } = await promisify(execFile)("curl", args, { maxBuffer: 2 ** 27 }).catch(
          (error: { stdout: string; stderr: string }) => error,
        );
        // On a busy machine, its time may be over before the response begins.
        const head = stderr === "" ? "content-encoding: gzip\r\n" : stderr;
        return { text: stdout, encoding: /^content-encoding: (.*)\r$/m.exec(head)?.[1] ?? null };
      }),
    600_000,
  );
});

interface Page {
  evaluate(read: (visit: Visit) => Promise<Answer>, visit: Visit): Promise<Answer>;
  goto(url: string): Promise<unknown>;
}

const followIn = (page: Page): Promise<void> =>
  follow(
    (visit) => page.evaluate(read, visit),
    (url) => page.goto(url),
  );

describeInChromium("random joins and cuts in Chromium", (page) => {
  test("are byte for byte what was pushed", () => followIn(page()), 600_000);
});

describeInFirefox("random joins and cuts in Firefox", (page) => {
  test("are byte for byte what was pushed", () => followIn(page()), 600_000);
});
