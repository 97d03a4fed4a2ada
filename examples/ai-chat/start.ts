/*
 * Builds the page with Vite, starts the server, and starts it again whenever it is killed. The chats and their streams are
 * in a file.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { supervise } from "../common/supervise.ts";
import { buildPage } from "./build-page.ts";

// Tests build it once for several servers.
const given = process.env["CHAT_PAGE"];
const page = given ?? (await buildPage());

supervise({
  script: join(import.meta.dirname, "server.ts"),
  file: "CHATS_DB",
  env: { CHAT_PAGE: page },
  onStop: () => {
    if (given === undefined) rmSync(page, { recursive: true, force: true });
  },
});
