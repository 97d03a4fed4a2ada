import { findOrInstall } from "../../../../examples/common/test/find-or-install.ts";
import { adapt, shown } from "./page.ts";
import type { Proxy } from "./proxy.ts";

const zipping = "compression algo gzip\n  compression type text/event-stream\n  ";

export const haproxy: Proxy = {
  name: "haproxy",
  program: findOrInstall("haproxy"),
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
