import { createServer } from "node:http";
import { listen } from "@holdfast/conformance";
import { describe, expect, test } from "vitest";
import { runHoldfast, runTail } from "./support/run-tail.ts";
import { beginStream, cursorOf, eventText, startServer } from "./support/servers.ts";

describe("when it cannot connect", () => {
  test("it gives up after so many retries, and says why", async () => {
    const tail = runTail(`http://127.0.0.1:${await closedPort()}/`, "--retries", "1");
    expect(await tail.ended).toBe(1);
    expect(tail.err).toMatch(/-- retrying: in [\d.]+ s, network: The network failed. \(.*ECONNREFUSED.*\)/);
    expect(tail.err).toContain("!! Given up after 1 retries: network");
  });

  test("it gives up after so many seconds", async () => {
    const tail = runTail(`http://127.0.0.1:${await closedPort()}/`, "--give-up-after", "0.05");
    expect(await tail.ended).toBe(1);
    expect(tail.err).toContain("!! Given up.");
  });

  test.for([
    [404, {}, "The server answered 404"],
    [401, {}, "The server answered 401"],
    [200, { "content-type": "text/html" }, "The server answered 200 text/html"],
  ] as const)("a response with status %s and headers %o is fatal", async ([status, headers, message]) => {
    let requests = 0;
    const url = await startServer((_req, res) => {
      requests++;
      res.writeHead(status, headers).end("<html>");
    });
    const tail = runTail(url);
    expect(await tail.ended).toBe(1);
    expect(tail.err).toContain(`!! ${message}`);
    expect(requests).toBe(1);
  });
});

describe("with --no-reconnect", () => {
  test("the end of the response is a clean end", async () => {
    const url = await startServer((_req, res) => void beginStream(res).end(eventText(1)));
    const tail = runTail(url, "--no-reconnect");
    expect(await tail.ended).toBe(0);
    expect(tail.out).toContain("1 message event 1");
  });

  test("a broken connection is a failure", async () => {
    const url = await startServer((_req, res) => {
      beginStream(res).write(eventText(1), () => res.destroy());
    });
    const tail = runTail(url, "--no-reconnect");
    expect(await tail.ended).toBe(1);
    expect(tail.err).toContain("!! network: ");
  });
});

test("headers, cursor, method and body are sent; a POST is resumed with GET", async () => {
  const requests: unknown[] = [];
  const url = await startServer((req, res) => {
    void Array.fromAsync(req).then((chunks) => {
      const { authorization, "content-type": type } = req.headers;
      requests.push([req.method, authorization, type, cursorOf(req), Buffer.concat(chunks).toString()]);
      if (requests.length === 2) return void res.writeHead(204).end();
      beginStream(res).write(eventText("é7"), () => res.destroy());
    });
  });
  const args = ["-H", "authorization: Bearer x", "-H", "content-type: application/json"];
  const tail = runTail(url, ...args, "--last-event-id", "6", "--data", `{"q":"hello"}`);
  expect(await tail.ended).toBe(0);
  const utf8 = Buffer.from("é7").toString("latin1");
  expect(requests).toEqual([
    ["POST", "Bearer x", "application/json", "6", `{"q":"hello"}`],
    ["GET", "Bearer x", "application/json", utf8, ""],
  ]);
});

test("it ends when nobody reads its output any more", async () => {
  const url = await startServer((_req, res) => {
    beginStream(res);
    const write = (): void => {
      while (res.write(eventText("x", "y".repeat(1_000))));
    };
    res.on("drain", write);
    write();
  });
  const tail = runTail(url);
  await tail.until("yyy");
  tail.process.stdout?.destroy();
  expect(await tail.ended).toBe(0);
});

test("colours are used on a terminal only", async () => {
  const url = await startServer((_req, res) => void beginStream(res).end(eventText(1)));
  const plain = runTail(url, "--no-reconnect");
  const coloured = runHoldfast(["tail", url, "--no-reconnect"], { FORCE_COLOR: "1", NO_COLOR: undefined });
  await Promise.all([plain.ended, coloured.ended]);
  expect(plain.out + plain.err).not.toContain("\u001b");
  expect(coloured.out).toContain("\u001b[36mmessage\u001b[39m");
});

test.for([
  [["--help"], 0, /^Usage: holdfast tail <url>/, ""],
  [["--version"], 0, /^\d+\.\d+\.\d+\n$/, ""],
  [[], 2, /^$/, "holdfast: A command is missing.\nTry: holdfast --help\n"],
  [["tail", "\u001b[2J"], 2, /^$/, `got "\\u001b[2J"`],
] as const)("holdfast %o ends with %s", async ([args, code, out, err]) => {
  const run = runHoldfast(args);
  expect(await run.ended).toBe(code);
  expect(run.out).toMatch(out);
  expect(run.err).toContain(err);
});

async function closedPort(): Promise<number> {
  const { port, close } = await listen(createServer());
  await close();
  return port;
}
