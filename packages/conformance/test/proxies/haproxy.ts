import { findOrInstall } from "../../../../examples/common/test/find-or-install.ts";
import { adapt, documentedConfig } from "./documented-config.ts";
import type { Proxy } from "./proxy.ts";

const compression = "compression algo gzip\n  compression type text/event-stream\n  ";

export const haproxy: Proxy = {
  name: "haproxy",
  program: findOrInstall("haproxy"),
  args: (file) => ["-db", "-f", file],
  configure: (place, { gzip = false, timeout = 60 }) =>
    adapt(documentedConfig("haproxy"), [
      ["bind :80", `bind 127.0.0.1:${place.port}`],
      ["bind :443", `bind 127.0.0.1:${place.tlsPort}`],
      ["/etc/ssl/example.com.pem", place.pem],
      ["127.0.0.1:3000", `127.0.0.1:${place.service}`],
      ["60s", `${timeout}s`],
      ["option http-no-delay", `${gzip ? compression : ""}option http-no-delay`],
    ]),
  respectsNoTransform: true,
  http2: true,
};
