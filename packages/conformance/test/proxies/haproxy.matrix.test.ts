import { apps } from "./app.ts";
import { behind, behindUntold } from "./behind.ts";
import { haproxy } from "./haproxy.ts";
import { adapt } from "./page.ts";

behind(haproxy, apps);
behindUntold({
  ...haproxy,
  name: "haproxy without `option abortonclose`",
  configure: (place, settings) => adapt(haproxy.configure(place, settings), [["option abortonclose", ""]]),
});
