import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { follow } from "../../common/test/follow.ts";
import { type RunningServer, runServer } from "../../common/test/run-server.ts";

function run(port: number | string): RunningServer {
  return runServer(join(import.meta.dirname, "../start.ts"), { PORT: String(port) });
}

test.each(["SIGINT", "SIGTERM"] as const)(
  "the server prints its URL, and on %s drains its readers and exits",
  async (signal) => {
    const server = run(0);
    const url = await server.firstLine("stdout");
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);

    const body = JSON.stringify({ path: "examples", filesPerSecond: 1 });
    const started = await fetch(`${url}/jobs`, { method: "POST", body });
    const { stream } = (await started.json()) as { stream: string };
    let last: unknown;
    for await (const { event, data } of follow(url + stream)) {
      last = [event, data];
      if (event === "stream.open") server.kill(signal);
    }
    expect(last).toMatchObject(["stream.drain", { reason: "shutdown" }]);
    expect(await server.exited()).toBe(0);
  },
);

test("a port that is in use ends the server with a message", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void other.close());
  await once(other, "listening");
  const { port } = other.address() as { port: number };

  const server = run(port);
  expect(await server.firstLine("stderr")).toBe(
    `Port ${port} is in use. Try another one: PORT=${port + 1} npm start`,
  );
  expect(await server.exited()).toBe(1);
});

test("an invalid port ends the server with a message", async () => {
  const server = run("http");
  expect(await server.firstLine("stderr")).toBe("PORT must be a number from 0 to 65535, not http.");
  expect(await server.exited()).toBe(1);
});
