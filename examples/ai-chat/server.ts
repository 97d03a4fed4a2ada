import { isSupervised, killProcess, serveApp } from "../common/serve-app.ts";
import { createApp } from "./app.ts";
import { chooseModel } from "./model.ts";

const { CHATS_DB: file, CHAT_PAGE: page } = process.env;
if (file === undefined || page === undefined) {
  console.error("Start it with start.ts, which builds the page.");
  process.exit(1);
}

const { app, close, recover } = createApp({
  ...chooseModel(process.env),
  file,
  page,
  ...(isSupervised && { kill: killProcess, retire: () => server.retire() }),
});
// Before the first question: the answers that an earlier process has left.
await recover();

const server = serveApp({ fetch: app.fetch, drain: close, command: "npx pnpm@12.21.0 example:ai-chat" });
