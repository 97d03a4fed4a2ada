import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pages, ROOT } from "../.vitepress/pages.ts";
import { listed } from "../.vitepress/sidebar.ts";
import { anchorOf } from "../.vitepress/anchor.ts";
import { headingsOf, linksOf, read } from "./support/markdown.ts";

/** What a newcomer wants to do, and the page and heading that tell how. */
const TASKS: readonly (readonly [task: string, page: string, heading: string])[] = [
  ["install it, and see a first stream", "README.md", "A first stream"],
  ["understand what I can rely on", "docs/guide.md", "What a client can rely on"],
  ["find out whether it is the right tool at all", "docs/non-goals.md", "What holdfast is not for"],
  ["show the progress of a job", "docs/progress.md", "The server"],
  ["cancel a job from the page", "docs/progress.md", "What happens when"],
  ["stream the answer of an LLM, and stop it", "docs/llm-answers.md", "The server"],
  ["continue an answer after a reload", "docs/llm-answers.md", "What happens when"],
  ["use it with the AI SDK or AG-UI", "docs/llm-answers.md", "With the AI SDK, AG-UI, or fetch"],
  ["notify a user in all tabs", "docs/notifications.md", "The server"],
  ["build a chat room with the last messages", "docs/chat-room.md", "The server"],
  ["show new rows of a table", "docs/database-feed.md", "One query for all clients"],
  ["show the progress of an upload", "docs/upload-progress.md", "The server"],
  ["run jobs in a worker, from a queue", "docs/jobs-from-a-queue.md", "The worker"],
  ["serve a finished job from my database", "docs/guide.md", "Your database"],
  ["know who the user is, with a cookie or a token", "docs/auth.md", "Identifying the user"],
  ["disconnect a user at logout", "docs/auth.md", "A logout"],
  ["allow another origin", "docs/auth.md", "CORS"],
  ["use it in Next.js", "docs/frameworks.md", "Next.js"],
  [
    "reconnect in the browser, and say why it was lost",
    "packages/client/README.md",
    "What it does about a loss",
  ],
  ["use it in React Native", "docs/react-native.md", "React Native"],
  ["deploy without losing clients", "docs/shutdown.md", "The lines for your framework"],
  ["run it behind nginx, with two servers", "docs/behind-a-proxy.md", "Two servers"],
  ["run it on Kubernetes", "docs/kubernetes.md", "The deployment"],
  ["run it on a serverless platform", "docs/serverless.md", "Platforms"],
  ["run it on Cloudflare Workers", "docs/workers.md", "A registry in a Durable Object"],
  ["share streams among several machines", "docs/more-than-one-machine.md", "Setup"],
  ["test my endpoint", "docs/testing.md", "A request, without a network"],
  ["find out why nothing arrives", "docs/troubleshooting.md", "Nothing arrives"],
  ["look up what an error means", "docs/errors.md", "Error codes"],
  ["move from better-sse or Socket.IO", "docs/migration.md", "Socket.IO"],
];

const linked = new Set([
  ...listed,
  ...linksOf(read("site/index.md")).map((link) => pages.get(join("site", link.split("#", 1).join())) ?? link),
]);

describe("thirty tasks of a newcomer", () => {
  test("there are thirty, and they are different", () => {
    expect(new Set(TASKS.map(([task]) => task)).size).toBe(30);
    expect(new Set(TASKS.map(([, page, heading]) => `${page}#${anchorOf(heading)}`)).size).toBeGreaterThan(
      27,
    );
  });

  test.each(TASKS)("%s: %s, %s", (_task, page, heading) => {
    expect(headingsOf(read(page))).toContain(heading);
    expect(linked).toContain(pages.get(page));
  });
});

test("every guide is in the sidebar or on the start page", () => {
  const guides = [...pages].filter(([path]) => /^docs\/[^/]+\.md$/.test(path));
  expect(guides.filter(([, page]) => !linked.has(page))).toEqual([]);
});

test("the sidebar has only pages that exist", () => {
  const known = new Set(pages.values());
  expect([...listed].filter((target) => !known.has(target))).toEqual([]);
});

test("the README's table has every guide", () => {
  const links = new Set(linksOf(readFileSync(join(ROOT, "README.md"), "utf8")));
  const guides = [...pages.keys()].filter((path) => /^docs\/[^/]+\.md$/.test(path));
  expect(guides.filter((path) => !links.has(path))).toEqual([]);
});
