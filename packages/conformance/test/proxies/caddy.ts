import { findOrInstall } from "../../../../examples/common/test/find-or-install.ts";
import { adapt, documentedConfig } from "./documented-config.ts";
import type { Proxy } from "./proxy.ts";

export const caddy: Proxy = {
  name: "caddy",
  program: findOrInstall("caddy"),
  args: (file) => ["run", "--adapter", "caddyfile", "--config", file],
  configure({ service, port, tlsPort, certificate, key }, { gzip = false, timeout }) {
    const transport = ` {\n    transport http {\n      read_timeout ${timeout}s\n    }\n  }`;
    const site = adapt(documentedConfig("caddy"), [
      ["example.com {", `(site) {${gzip ? "\n  encode gzip" : ""}`],
      ["127.0.0.1:3000", `127.0.0.1:${service}${timeout === undefined ? "" : transport}`],
    ]);
    // Otherwise Caddy requests a certificate, and listens on default ports.
    return `{
  admin off
  auto_https off
}
${site}
http://127.0.0.1:${port} {
  import site
}
https://127.0.0.1:${tlsPort} {
  tls ${certificate} ${key}
  import site
}
`;
  },
  respectsNoTransform: true,
  http2: true,
};
