import { once } from "node:events";
import { createServer } from "node:http";
import { describe, expect, test } from "vitest";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { nodeHttp, runService, services } from "./service.ts";
import { proxySuite } from "./proxy-suite.ts";
import { completeConfig, nginx, plainNginx, twoServerNginx } from "./nginx.ts";
import { adapt, documentedConfig } from "./documented-config.ts";
import { type Proxy, runProxy } from "./proxy.ts";
import { startProxiedService } from "./proxied-service.ts";

/** A port on which nothing listens. */
const CLOSED_PORT = 1;

/** A server of streams that never end. It can be stopped, and started again on the same port. */
async function startStreams(): Promise<{ port: number; stop: () => void; start: () => Promise<void> }> {
  const server = createServer((_req, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
  });
  const { port } = await runService(server);
  return {
    port,
    stop() {
      server.close();
      server.closeAllConnections();
    },
    async start() {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    },
  };
}

proxySuite(plainNginx, [nodeHttp]);
proxySuite(nginx, services);

describe.skipIf(nginx.program === undefined)("behind nginx", () => {
  test("an event stream without `x-accel-buffering: no` is buffered until its end", async () => {
    const end = Promise.withResolvers<void>();
    const bare = createServer((req, res) => {
      res.setHeader("content-type", "text/event-stream");
      if (req.url === "/with") res.setHeader("x-accel-buffering", "no");
      res.write("data: 1\n\n");
      void end.promise.then(() => res.end());
    });
    const { port } = await runProxy(plainNginx, (await runService(bare)).port);
    const without = sendHttp1(port, { path: "/without" });
    await once(bare, "request");
    // Each of these arrives earlier, although nginx received it later.
    for (let count = 0; count < 10; count++) await sendHttp1(port, { path: "/with" }).until("data: 1\n\n");
    expect(without).toMatchObject({ status: 0, text: "" });
    end.resolve();
    await without.until("data: 1\n\n");
  });

  test.each([
    [plainNginx, "ended"],
    [nginx, "cut"],
  ] as const)("a service that dies in the middle of a response: $name", async (proxy, state) => {
    const { registry, service, send } = await startProxiedService(proxy, nodeHttp);
    await registry.open("job");
    const client = send("/job");
    await client.until("event: stream.live");
    for (const socket of service.sockets) socket.destroy();
    expect(await client.finished()).toBe(state);
  });

  test.each([
    ["max_fails=0", 200],
    ["fail_timeout=1h", 502], // the default of `max_fails`, without its recovery after 10 s
  ])("two servers that are restarted one after the other, with %s: %i", async (option, status) => {
    const servers = [await startStreams(), await startStreams()] as const;
    const proxy = twoServerNginx([servers[0].port, servers[1].port], option);
    const { port } = await runProxy(proxy, servers[0].port);
    const connectBoth = async (): Promise<number[]> => {
      const clients = [sendHttp1(port, { path: "/" }), sendHttp1(port, { path: "/" })];
      await Promise.all(clients.map((client) => client.answered()));
      return clients.map((client) => client.status);
    };
    expect(await connectBoth()).toEqual([200, 200]);
    for (const server of servers) {
      server.stop();
      const statuses = await connectBoth();
      await server.start();
      if (server === servers[0]) expect(statuses).toEqual([200, 200]); // the other one answers
    }
    expect(await connectBoth()).toEqual([status, status]);
  });

  test("while the service is down, clients receive a 200 with `retry`", async () => {
    const withFallback: Proxy = {
      ...plainNginx,
      configure: (place) =>
        completeConfig(
          place,
          `server {
            listen 127.0.0.1:${place.port};
            listen 127.0.0.1:${place.tlsPort};
            ${adapt(documentedConfig("nginx away"), [["127.0.0.1:3000", `127.0.0.1:${place.service}`]])}
          }`,
        ),
    };
    const { port } = await runProxy(withFallback, CLOSED_PORT);
    const client = sendHttp1(port, { path: "/streams/42" });
    expect(await client.finished()).toBe("ended");
    expect(client).toMatchObject({
      status: 200,
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
      text: "retry: 3000\n\n",
    });
  });
});
