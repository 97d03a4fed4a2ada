import type { Server } from "node:net";
import { createRegistry } from "@holdfast/core";
import { listen } from "@holdfast/conformance";
import { describe, expect, onTestFinished, test } from "vitest";
import { multiplex as multiplexTests } from "../../src/adapter-suite/multiplex.ts";
import { createSuite } from "../../src/harness/suite.ts";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { sendHttp2 } from "../../src/wire/http2.ts";
import { onExpress4, onExpress5 } from "../adapters/express.ts";
import { hono } from "../adapters/hono.ts";
import { nodeH2c, nodeHttp1 } from "../adapters/node-http.ts";
import { onNode } from "../adapters/to-response.ts";
import { servers } from "./servers.ts";

// The whole suite of most adapters runs in the matrix only.
for (const adapter of [nodeHttp1, nodeH2c, onExpress5, onExpress4, hono, onNode]) {
  describe(adapter.name ?? "", () => multiplexTests(createSuite(test, adapter)));
}

describe("a POST with more members than a URL holds", () => {
  test.each(Object.keys(servers))("%s", async (name) => {
    const registry = createRegistry();
    const server = servers[name]?.(registry) as Server;
    const { port, close } = await listen(server);
    onTestFinished(async () => {
      await registry.close({ deadline: 0 });
      await close();
    });
    const names = Array.from({ length: 256 }, (_, index) => `${"feed/ä ".repeat(10)}${index}`);
    const form = new URLSearchParams({ mux: "Zk3v9x0q2maZk3v9x0q2ma" });
    for (const member of names) form.append("on", member);
    const request = {
      method: "POST",
      path: "/live",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: form.toString(),
    };
    const client = name.includes("HTTP/2") ? sendHttp2("http", port, request) : sendHttp1(port, request);
    await client.answered();
    await client.until(`data: {"member":"${names.at(-1)}"}\n\n`);
    registry.channel(names[7] as string).push({ data: "hi" });
    await client.until("data: hi\n\n");
    expect([client.status, registry.gauges().connections]).toEqual([200, 1]);
    client.disconnect();
  });
});
