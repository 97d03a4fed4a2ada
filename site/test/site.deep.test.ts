import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { pages } from "../.vitepress/pages.ts";
import { findOrInstall } from "../../examples/common/test/find-or-install.ts";

/** A path that the site is served under, as on the pages of a repository. */
const BASE = "/holdfast/";
const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
};

const executablePath = findOrInstall("chromium");
const folder = mkdtempSync(join(tmpdir(), "holdfast-site-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(executablePath === undefined)("the site, built as static files", () => {
  let origin: string;
  let browser: Browser;

  beforeAll(async () => {
    const vitepress = join(import.meta.dirname, "../node_modules/vitepress/bin/vitepress.js");
    const build = spawn(process.execPath, [vitepress, "build", "--outDir", folder], {
      cwd: join(import.meta.dirname, ".."),
      env: { ...process.env, DOCS_BASE: BASE },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let output = "";
    build.stderr.on("data", (text) => (output += String(text)));
    const [code] = await once(build, "exit");
    expect(code, output).toBe(0);

    const server = createServer((req, res) => {
      const path = new URL(req.url ?? "", "http://site.test").pathname;
      const file = join(folder, path.slice(BASE.length), path.endsWith("/") ? "index.html" : "");
      if (!path.startsWith(BASE) || !existsSync(file)) return res.writeHead(404).end();
      res.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
      return res.end(readFileSync(file));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await chromium.launch({ executablePath: executablePath as string, args: ["--no-sandbox"] });
    return async () => {
      await browser.close();
      server.closeAllConnections();
      server.close();
    };
  }, 600_000);

  /** Opens a page of the site that must not fail, nor load anything from elsewhere. */
  async function open(path: string, width = 1_280): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 800 } });
    page.setDefaultTimeout(100_000);
    const problems: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith("data:") && !request.url().startsWith(`${origin}${BASE}`))
        problems.push(request.url());
    });
    page.on("response", (response) => {
      if (response.status() >= 400) problems.push(`${response.status()} ${response.url()}`);
    });
    page.on("pageerror", (error) => problems.push(error.message));
    onTestFinished(async () => {
      await page.close();
      expect(problems).toEqual([]);
    });
    await page.goto(`${origin}${BASE}${path}`);
    return page;
  }

  test("every page is there", () => {
    const missing = [...pages.values()].filter(
      (page) => !existsSync(join(folder, page.replace(/md$/, "html"))),
    );
    expect(missing).toEqual([]);
  });

  test("the start page leads to a task", async () => {
    const page = await open("");
    await page.getByRole("link", { name: "Notifications per user" }).first().click();
    await page.getByRole("heading", { name: "One connection for all tabs" }).waitFor();
  });

  test("what stands only in a page is found, without a network", async () => {
    const page = await open("guide.html");
    await page.getByRole("button", { name: "Search" }).first().click();
    await page.locator(".VPLocalSearchBox input").fill("max_fails");
    await page.locator(".VPLocalSearchBox .result").first().click();
    await page.getByRole("heading", { name: "Two servers" }).waitFor();
  });

  test("an anchor of GitHub works on the site", async () => {
    const page = await open("protocol.html#15-interrupted-streams");
    await page.locator("h2#\\31 5-interrupted-streams").waitFor();
  });

  test("comments with the context of code are in no page", () => {
    const html = [...pages.values()].map((page) =>
      readFileSync(join(folder, page.replace(/md$/, "html")), "utf8"),
    );
    expect(html.filter((text) => text.includes("#context/"))).toEqual([]);
  });

  test.each(["", "options.html", "migration.html", "troubleshooting.html"])(
    "on a phone, %j does not scroll sideways",
    async (path) => {
      const page = await open(path, 390);
      await page.locator("#app h1, #app h2").first().waitFor();
      expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
    },
  );
});
