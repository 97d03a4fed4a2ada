import { services } from "./service.ts";
import { proxySuite, proxyHidesDisconnects } from "./proxy-suite.ts";
import { haproxy } from "./haproxy.ts";
import { adapt } from "./documented-config.ts";

proxySuite(haproxy, services);
proxyHidesDisconnects({
  ...haproxy,
  name: "haproxy without `option abortonclose`",
  configure: (place, settings) => adapt(haproxy.configure(place, settings), [["option abortonclose", ""]]),
});
