import { apps } from "./app.ts";
import { behind, behindUntold } from "./behind.ts";
import { caddy } from "./caddy.ts";
import { adapt } from "./page.ts";

behind(caddy, apps);
behindUntold({
  ...caddy,
  name: "caddy with `flush_interval -1`",
  configure: (place, settings) =>
    adapt(caddy.configure(place, settings), [
      [`127.0.0.1:${place.app}`, `127.0.0.1:${place.app} {\n    flush_interval -1\n  }`],
    ]),
});
