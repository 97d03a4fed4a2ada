import { join } from "node:path";
import { expect, test } from "vitest";
import { runServer } from "../../common/test/run-server.ts";
import { call, initialize, send } from "./raw-client.ts";

test("the server prints its URL, sends heartbeats while a tool is silent, and exits on SIGTERM", async () => {
  const server = runServer(join(import.meta.dirname, "../server.ts"), { PORT: "0", HEARTBEAT: "20" });
  const url = new URL(await server.firstLine("stdout"));
  const response = await send(url, call(1, "ponder", { seconds: 0.2 }), await initialize(url));
  await response.finished();
  expect(response.text).toMatch(
    /^id: \d+\ndata: \n\n(:\n\n)+event: message\nid: \d+\ndata: .*"text":"42".*\n\n$/,
  );
  server.kill("SIGTERM");
  expect(await server.exited()).toBe(0);
});
