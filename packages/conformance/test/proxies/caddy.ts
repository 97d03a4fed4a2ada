import { findOrInstall } from "../../../../examples/common/test/find-or-install.ts";
import { adapt, shown } from "./page.ts";
import type { Proxy } from "./proxy.ts";

export const caddy: Proxy = {
  name: "caddy",
  program: findOrInstall("caddy"),
  args: (file) => ["run", "--adapter", "caddyfile", "--config", file],
  configure({ app, port, tlsPort, certificate, key }, { gzip = false, timeout }) {
    const transport = ` {\n    transport http {\n      read_timeout ${timeout}s\n    }\n  }`;
    const site = adapt(shown("caddy"), [
      ["example.com {", `(site) {${gzip ? "\n  encode gzip" : ""}`],
      ["127.0.0.1:3000", `127.0.0.1:${app}${timeout === undefined ? "" : transport}`],
    ]);
    // Else it would ask for a certificate, and listen in places of its own.
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
  sparesNoTransform: true,
  http2: true,
};
