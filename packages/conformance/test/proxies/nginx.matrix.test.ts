import { once } from "node:events";
import { createServer } from "node:http";
import { describe, expect, test } from "vitest";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { deferred } from "../support/deferred.ts";
import { apps, nodeHttp, runApp } from "./app.ts";
import { behind } from "./behind.ts";
import { alone, around, nginx } from "./nginx.ts";
import { adapt, shown } from "./page.ts";
import { type Proxy, runProxy } from "./proxy.ts";
import { setScene } from "./scene.ts";

/** A port where nobody listens. */
const NOBODY = 1;

behind(alone, [nodeHttp]);
behind(nginx, apps);

describe.skipIf(nginx.program === undefined)("behind nginx", () => {
  test("an event stream without `x-accel-buffering: no` is held back until its end", async () => {
    const end = deferred();
    const bare = createServer((req, res) => {
      res.setHeader("content-type", "text/event-stream");
      if (req.url === "/with") res.setHeader("x-accel-buffering", "no");
      res.write("data: 1\n\n");
      void end.promise.then(() => res.end());
    });
    const { port } = await runProxy(alone, (await runApp(bare)).port);
    const without = sendHttp1(port, { path: "/without" });
    await once(bare, "request");
    // These overtake it, each of them: what was written for it has long been with nginx.
    for (let count = 0; count < 10; count++) await sendHttp1(port, { path: "/with" }).until("data: 1\n\n");
    expect(without).toMatchObject({ status: 0, text: "" });
    end.resolve();
    await without.until("data: 1\n\n");
  });

  test.each([
    [alone, "ended"],
    [nginx, "cut"],
  ] as const)("a service that dies in the middle: $name", async (proxy, state) => {
    const { registry, app, send } = await setScene(proxy, nodeHttp);
    await registry.open("job");
    const client = send("/job");
    await client.until("event: stream.live");
    for (const socket of app.sockets) socket.destroy();
    expect(await client.over()).toBe(state);
  });

  test("a client is asked to come back while the service is away, by a 200", async () => {
    const away: Proxy = {
      ...alone,
      configure: (place) =>
        around(
          place,
          `server {
            listen 127.0.0.1:${place.port};
            listen 127.0.0.1:${place.tlsPort};
            ${adapt(shown("nginx away"), [["127.0.0.1:3000", `127.0.0.1:${place.app}`]])}
          }`,
        ),
    };
    const { port } = await runProxy(away, NOBODY);
    const client = sendHttp1(port, { path: "/streams/42" });
    expect(await client.over()).toBe("ended");
    expect(client).toMatchObject({
      status: 200,
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
      text: "retry: 3000\n\n",
    });
  });
});
