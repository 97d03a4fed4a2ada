import { globSync } from "node:fs";
import { defineConfig, type Plugin } from "vitepress";
import { anchorOf } from "./anchor.ts";
import { pages, ROOT } from "./pages.ts";
import { repositoryLinks } from "./repository-links.ts";
import { hasApi, listed, sidebar } from "./sidebar.ts";

/** A knot, as an inline image: the site loads nothing from elsewhere. */
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#0f8a6d" stroke-width="4" stroke-linecap="round"><path d="M5 11c6 0 8 10 14 10a5 5 0 0 0 0-10c-6 0-8 10-14 10"/><path d="M24 16h3"/></svg>`;
const icon = `data:image/svg+xml,${encodeURIComponent(ICON)}`;

/** The pages are outside of this package, where no Vue is installed. */
const vueOfSite: Plugin = {
  name: "vue-of-site",
  enforce: "pre",
  resolveId(source, _importer, options) {
    if (!/^vue(\/|$)/.test(source)) return undefined;
    return this.resolve(source, import.meta.filename, { ...options, skipSelf: true });
  },
};

export default defineConfig({
  title: "holdfast",
  description: "Server-Sent Events that survive lost connections: for jobs, LLM answers and live feeds.",
  lang: "en",
  base: process.env["DOCS_BASE"] ?? "/",
  srcDir: ROOT,
  rewrites: Object.fromEntries(pages),
  srcExclude: globSync("**/*.md", { cwd: ROOT, exclude: (path) => /node_modules/.test(String(path)) }).filter(
    (path) => !pages.has(path),
  ),
  /** A page that the sidebar does not list has no neighbours: otherwise the next one would be the first of all. */
  transformPageData({ relativePath, frontmatter }) {
    if (!listed.has(relativePath)) Object.assign(frontmatter, { prev: false, next: false });
  },
  head: [["link", { rel: "icon", href: icon }]],
  markdown: {
    anchor: { slugify: anchorOf },
    config: (md) => repositoryLinks(md),
    languageAlias: { caddy: "nginx", haproxy: "apache" },
  },
  themeConfig: {
    logo: { src: icon, alt: "" },
    nav: [
      { text: "Guide", link: "/guide" },
      { text: "Options", link: "/options" },
      { text: "Errors", link: "/errors" },
      ...(hasApi ? [{ text: "API", link: "/api/" }] : []),
      { text: "Protocol", link: "/protocol" },
    ],
    sidebar,
    outline: [2, 3],
    search: { provider: "local" },
    footer: { message: "MIT licensed" },
  },
  vite: {
    plugins: [vueOfSite],
    server: { host: "127.0.0.1" },
  },
});
