import { services } from "./service.ts";
import { proxySuite, proxyHidesDisconnects } from "./proxy-suite.ts";
import { caddy } from "./caddy.ts";
import { adapt } from "./documented-config.ts";

proxySuite(caddy, services);
proxyHidesDisconnects({
  ...caddy,
  name: "caddy with `flush_interval -1`",
  configure: (place, settings) =>
    adapt(caddy.configure(place, settings), [
      [`127.0.0.1:${place.service}`, `127.0.0.1:${place.service} {\n    flush_interval -1\n  }`],
    ]),
});
