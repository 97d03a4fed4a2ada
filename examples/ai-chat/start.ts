/*
 * Builds the page with Vite, starts the server, and starts it again whenever it is killed. The chats and their streams are
 * in a file.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { supervise } from "../common/supervise.ts";
import { buildPage } from "./build-page.ts";

const page = await buildPage();

supervise({
  script: join(import.meta.dirname, "server.ts"),
  file: "CHATS_DB",
  env: { CHAT_PAGE: page },
  onStop: () => rmSync(page, { recursive: true, force: true }),
});
