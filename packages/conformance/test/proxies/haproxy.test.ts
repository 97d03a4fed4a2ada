import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { installed } from "../support/installed.ts";
import { reasonsOf } from "../support/watch.ts";
import { nodeHttp } from "./app.ts";
import { behind } from "./behind.ts";
import { adapt, shown } from "./page.ts";
import type { Proxy } from "./proxy.ts";
import { setScene } from "./scene.ts";

const zipping = "compression algo gzip\n  compression type text/event-stream\n  ";

const haproxy: Proxy = {
  name: "haproxy",
  program: installed("haproxy"),
  args: (file) => ["-db", "-f", file],
  configure: (place, { gzip = false, timeout = 60 }) =>
    adapt(shown("haproxy"), [
      ["bind :80", `bind 127.0.0.1:${place.port}`],
      ["bind :443", `bind 127.0.0.1:${place.tlsPort}`],
      ["/etc/ssl/example.com.pem", place.pem],
      ["127.0.0.1:3000", `127.0.0.1:${place.app}`],
      ["60s", `${timeout}s`],
      ["option http-no-delay", `${gzip ? zipping : ""}option http-no-delay`],
    ]),
  sparesNoTransform: true,
  http2: true,
};

behind(haproxy);

describe.skipIf(haproxy.program === undefined)("behind haproxy without `option abortonclose`", () => {
  const without: Proxy = {
    ...haproxy,
    configure: (place, settings) => adapt(haproxy.configure(place, settings), [["option abortonclose", ""]]),
  };

  test("it is a heartbeat that finds out that a client has left", async () => {
    const { registry, watch, send } = await setScene(without, nodeHttp, { heartbeat: 50 });
    await registry.open("job");
    const client = send("/job");
    await client.until("event: stream.live");
    client.cut();
    await eventually(() => expect(registry.gauges().connections).toBe(0));
    expect(reasonsOf(watch)).toEqual(["disconnected"]);
  });
});
