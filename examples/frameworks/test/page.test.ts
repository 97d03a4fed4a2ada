import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const EXAMPLE = join(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(EXAMPLE, file), "utf8");
const page = read("../../docs/frameworks.md");

/** The files of the apps that a reader copies: routes, and the lines for SIGTERM. */
const COPIED = [
  "elysia/src/index.ts",
  "next/app/jobs/[id]/route.ts",
  "next/instrumentation.ts",
  "sveltekit/src/routes/jobs/[id]/+server.ts",
  "sveltekit/src/hooks.server.ts",
  "nuxt/server/routes/jobs/[id].get.ts",
  "nuxt/server/plugins/shutdown.ts",
  "nitro/routes/jobs/[id].get.ts",
  "nitro/plugins/shutdown.ts",
  "nitro/vite.config.ts",
  "astro/src/pages/jobs/[id].ts",
  "astro/src/middleware.ts",
  "react-router/app/routes/jobs.ts",
  "workers/src/worker.ts",
];

test.for(COPIED)("the page shows exactly %s", (file) => {
  expect(page).toContain(`\`\`\`ts\n${read(`apps/${file}`)}\`\`\``);
});

test("every block of the page is part of a file that the tests run", () => {
  const files = globSync(["*.ts", "apps/**/*.ts"], { cwd: EXAMPLE }).map(read);
  for (const [, block = ""] of page.matchAll(/^```ts\n(.*?)^```$/gms)) {
    expect(
      files.some((text) => text.includes(block)),
      block,
    ).toBe(true);
  }
});

test("all apps have the registry that the page shows", () => {
  const files = globSync("apps/**/jobs.ts", { cwd: EXAMPLE }).filter((file) => !file.includes("routes"));
  expect(files).toHaveLength(8); // Workers have another
  const registry = read("apps/next/jobs.ts");
  expect(page).toContain(`\`\`\`ts\n${registry}\`\`\``);
  for (const file of files) expect(read(file).slice(0, registry.length), file).toBe(registry);
});
