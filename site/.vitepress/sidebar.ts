import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DefaultTheme } from "vitepress";
import { ROOT } from "./pages.ts";

/** `pnpm docs:api` writes it. */
export const hasApi: boolean = existsSync(join(ROOT, "docs/api/index.md"));

/** What stands at the left of each page. A page that is missing here is found only by search. */
export const sidebar: DefaultTheme.SidebarItem[] = [
  {
    text: "Start",
    items: [
      { text: "Quick start", link: "/readme" },
      { text: "Guide", link: "/guide" },
      { text: "What it is not for", link: "/non-goals" },
      { text: "Mistakes of a beginner", link: "/mistakes" },
      { text: "Troubleshooting", link: "/troubleshooting" },
    ],
  },
  {
    text: "By task",
    items: [
      { text: "Progress of a job", link: "/progress" },
      { text: "Answers of an LLM", link: "/llm-answers" },
      { text: "LLM answers that survive (AI SDK)", link: "/ai-sdk" },
      { text: "Stop is not disconnect", link: "/stop-is-not-disconnect" },
      { text: "Notifications in all tabs", link: "/notifications" },
      { text: "One connection for a whole app", link: "/one-connection" },
      { text: "Dashboards: current values", link: "/dashboards" },
      { text: "A chat room", link: "/chat-room" },
      { text: "A feed from a database", link: "/database-feed" },
      { text: "Upload progress", link: "/upload-progress" },
      { text: "Jobs from a queue", link: "/jobs-from-a-queue" },
      { text: "htmx, Turbo, Datastar", link: "/hypermedia" },
      { text: "Test your endpoint", link: "/testing" },
      { text: "Migrate from another library", link: "/migration" },
    ],
  },
  {
    text: "Servers",
    items: [
      { text: "Hono", link: "/packages/hono" },
      { text: "Express", link: "/packages/express" },
      { text: "Fastify", link: "/packages/fastify" },
      { text: "node:http", link: "/packages/node-http" },
      { text: "Next.js, SvelteKit, Nuxt, …", link: "/frameworks" },
      { text: "Your own adapter", link: "/custom-adapter" },
    ],
  },
  {
    text: "Clients",
    items: [
      { text: "Browser, Node, Bun, Deno", link: "/packages/client" },
      { text: "React, Vue, Svelte", link: "/react" },
      { text: "React Native", link: "/react-native" },
    ],
  },
  {
    text: "Security and limits",
    items: [
      { text: "Authentication, middleware", link: "/auth" },
      { text: "Limits", link: "/limits" },
      { text: "Security", link: "/security" },
    ],
  },
  {
    text: "Deployment",
    items: [
      { text: "Shutdown and deploys", link: "/shutdown" },
      { text: "Behind a proxy", link: "/behind-a-proxy" },
      { text: "Kubernetes and ingress", link: "/kubernetes" },
      { text: "Which store, more than one machine", link: "/more-than-one-machine" },
      { text: "A store of your own", link: "/custom-store" },
      { text: "Serverless functions", link: "/serverless" },
      { text: "Workers and Durable Objects", link: "/workers" },
      { text: "Monitoring", link: "/monitoring" },
      { text: "Runtimes", link: "/runtimes" },
      { text: "Performance", link: "/performance" },
      { text: "Performance: a whole run", link: "/performance-run" },
    ],
  },
  {
    text: "Reference",
    collapsed: true,
    items: [
      { text: "Options", link: "/options" },
      { text: "Errors, reasons, statuses", link: "/errors" },
      ...(hasApi ? [{ text: "All exports", link: "/api/" }] : []),
      { text: "Core", link: "/packages/core" },
      { text: "Redis store", link: "/packages/redis" },
      { text: "Postgres store", link: "/packages/postgres" },
      { text: "SQLite store", link: "/packages/sqlite" },
      { text: "Test suite for adapters, stores", link: "/packages/conformance" },
      { text: "Protocol", link: "/protocol" },
      { text: "Protocol by example", link: "/protocol-examples" },
      { text: "Versions", link: "/versions" },
      { text: "AI SDK", link: "/packages/ai-sdk" },
      { text: "AG-UI", link: "/packages/ag-ui" },
      { text: "useStream", link: "/packages/react" },
      { text: "gzip", link: "/packages/gzip" },
      { text: "OpenTelemetry", link: "/packages/otel" },
      { text: "Command line", link: "/packages/cli" },
      { text: "Work on holdfast", link: "/contributing" },
    ],
  },
];

/** The pages that stand at the left, by their paths on the site. */
export const listed: ReadonlySet<string> = new Set(
  sidebar.flatMap(({ items = [] }) =>
    items.map(({ link = "" }) => `${link.slice(1).replace(/\/$/, "/index")}.md`),
  ),
);
