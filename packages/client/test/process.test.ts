import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startHttpServer } from "./support/http-server.ts";

const run = promisify(execFile);
const index = new URL("../src/index.ts", import.meta.url).href;

/** Runs a script in a new Node process until it ends, and returns its output. */
async function runScript(script: string): Promise<string> {
  const args = ["--conditions=@holdfast/source", "--input-type=module", "--eval", script];
  return (await run(process.execPath, args)).stdout.trim();
}

test("importing the client touches no global of a browser", async () => {
  const names = ["window", "document", "navigator", "location", "EventSource", "fetch"];
  expect(
    await runScript(`
      for (const name of ${JSON.stringify(names)}) {
        Object.defineProperty(globalThis, name, { get() { throw new Error(name) }, configurable: true });
      }
      console.log(Object.keys(await import("${index}")).sort().join());
    `),
  ).toBe("ConnectionError,LossEvent,ResilientEventSource,connect,createBreaker,json,multiplex,text");
});

test("the delay before a retry keeps the process alive", async () => {
  let requests = 0;
  const { url } = await startHttpServer((_req, res) => {
    if (++requests < 3) return void res.writeHead(503).end();
    res
      .writeHead(200, { "content-type": "text/event-stream" })
      .end("data: at last\n\nid: k3v9x0q2ma.0.end\n\n");
  });
  expect(
    await runScript(`
      import { connect } from "${index}";
      for await (const { data } of connect("${url}", { backoff: { base: 50 } })) console.log(data);
    `),
  ).toBe("at last");
});

test("with `keepAlive: false` it does not", async () => {
  const { url, requests } = await startHttpServer((_req, res) =>
    res.writeHead(503, { connection: "close" }).end(),
  );
  expect(
    await runScript(`
      import { connect } from "${index}";
      const connection = connect("${url}", { keepAlive: false, random: () => 0.99, backoff: { base: 60_000, cap: 60_000 } });
      connection.subscribe(({ status }) => console.log(status));
    `),
  ).toBe("retrying");
  expect(requests).toHaveLength(1);
});
