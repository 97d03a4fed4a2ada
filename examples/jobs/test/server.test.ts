import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { follow } from "../../common/test/follow.ts";
import { type RunningServer, runServer } from "../../common/test/run-server.ts";

function run(port: number | string): RunningServer {
  return runServer(join(import.meta.dirname, "../server.ts"), { PORT: String(port) });
}

test.each(["SIGINT", "SIGTERM"] as const)(
  "the server says where it is, and on %s sends its readers away and ends",
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

test("a port in use is said, and ends it", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void other.close());
  await once(other, "listening");
  const { port } = other.address() as { port: number };

  const server = run(port);
  expect(await server.firstLine("stderr")).toBe(
    `Port ${port} is in use. Another one: PORT=${port + 1} npm start`,
  );
  expect(await server.exited()).toBe(1);
});

test("a port that is none is said, and ends it", async () => {
  const server = run("http");
  expect(await server.firstLine("stderr")).toBe("PORT must be 0 to 65535, not http.");
  expect(await server.exited()).toBe(1);
});
