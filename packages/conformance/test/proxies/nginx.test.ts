import { once } from "node:events";
import { createServer } from "node:http";
import { describe, expect, test } from "vitest";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { deferred } from "../support/deferred.ts";
import { installed } from "../support/installed.ts";
import { nodeHttp, runApp } from "./app.ts";
import { behind } from "./behind.ts";
import { conforming } from "./conforming.ts";
import { adapt, shown } from "./page.ts";
import { type Place, type Proxy, runProxy, type Settings } from "./proxy.ts";
import { setScene } from "./scene.ts";

const program = installed("nginx");
/** A port where nobody listens. */
const NOBODY = 1;

/** What is around the part that the page shows. One process, which leaves nobody behind when it is killed. */
const around = ({ folder }: Place, http: string): string => `
  daemon off;
  master_process off;
  pid ${folder}/pid;
  error_log stderr;
  events {}
  http {
    access_log off;
    client_body_temp_path ${folder}/body;
    proxy_temp_path ${folder}/proxy;
    fastcgi_temp_path ${folder}/fastcgi;
    uwsgi_temp_path ${folder}/uwsgi;
    scgi_temp_path ${folder}/scgi;
    ${http}
  }`;

const zipping = ({ gzip = false }: Settings): string =>
  gzip ? "gzip on; gzip_types text/event-stream; gzip_proxied any; gzip_min_length 0;" : "";

const silence = ({ timeout }: Settings): string =>
  timeout === undefined ? "" : `proxy_read_timeout ${timeout}s;`;

const args = (file: string): string[] => ["-c", file];

const alone: Proxy = {
  name: "nginx with proxy_pass alone",
  program,
  args,
  configure: (place, settings) =>
    around(
      place,
      zipping(settings) +
        silence(settings) +
        adapt(shown("nginx alone"), [
          ["listen 80;", `listen 127.0.0.1:${place.port}; listen 127.0.0.1:${place.tlsPort};`],
          ["127.0.0.1:3000", `127.0.0.1:${place.app}`],
        ]),
    ),
  sparesNoTransform: false,
  http2: false,
};

const nginx: Proxy = {
  name: "nginx",
  program,
  args,
  configure: (place, settings) =>
    around(
      place,
      zipping(settings) +
        adapt(shown("nginx"), [
          ["listen 80;", `listen 127.0.0.1:${place.port};`],
          ["listen 443 ", `listen 127.0.0.1:${place.tlsPort} `],
          ["/etc/ssl/example.com.crt", place.certificate],
          ["/etc/ssl/example.com.key", place.key],
          ["127.0.0.1:3000", `127.0.0.1:${place.app}`],
          ["proxy_read_timeout 60s;", silence({ timeout: 60, ...settings })],
        ]),
    ),
  sparesNoTransform: false,
  http2: true,
};

behind(alone);
behind(nginx);
conforming({
  ...nginx,
  // It keeps that header to itself, and the suite looks for it; where the suite writes by itself there is none.
  configure: (place, settings) =>
    adapt(nginx.configure(place, settings), [
      ["proxy_http_version", "proxy_buffering off; proxy_pass_header x-accel-buffering; proxy_http_version"],
    ]),
});

describe.skipIf(program === undefined)("behind nginx", () => {
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
