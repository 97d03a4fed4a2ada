import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { follow } from "./follow.ts";

/** Runs the demo as `npm start` does, until the test is finished. */
function run(port: number | string): ChildProcess & { firstLine(of: "stdout" | "stderr"): Promise<string> } {
  const server = join(import.meta.dirname, "../server.ts");
  const child = spawn(process.execPath, ["--conditions=@holdfast/source", server], {
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return Object.assign(child, {
    async firstLine(of: "stdout" | "stderr") {
      const [line] = await once(createInterface(child[of]), "line");
      return line as string;
    },
  });
}

test.each(["SIGINT", "SIGTERM"] as const)(
  "the server says where it is, and on %s sends its readers away and ends",
  async (signal) => {
    const server = run(0);
    const url = await server.firstLine("stdout");
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);

    const events: unknown[] = [];
    for await (const { event, data } of follow(`${url}/jobs/later/stream`)) {
      events.push([event, data]);
      if (event === "stream.open") server.kill(signal);
    }
    expect(events).toMatchObject([
      ["stream.open", { state: "waiting" }],
      ["stream.drain", { reason: "shutdown" }],
    ]);
    expect(server.exitCode ?? (await once(server, "exit"))[0]).toBe(0);
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
  expect(server.exitCode ?? (await once(server, "exit"))[0]).toBe(1);
});

test("a port that is none is said, and ends it", async () => {
  const server = run("http");
  expect(await server.firstLine("stderr")).toBe("PORT must be 0 to 65535, not http.");
  expect(server.exitCode ?? (await once(server, "exit"))[0]).toBe(1);
});
