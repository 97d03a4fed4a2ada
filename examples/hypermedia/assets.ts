import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

/** The scripts of the libraries by the names that the pages give them, and what the examples' pages have in common. */
export const assets: Readonly<Record<string, () => Promise<string>>> = {
  "/assets/htmx.js": () => fileOf("htmx.org/dist/htmx.min.js"),
  "/assets/hx-sse.js": () => fileOf("htmx.org/dist/ext/hx-sse.min.js"),
  "/assets/turbo.js": () => fileOf("@hotwired/turbo/dist/turbo.es2017-umd.js"),
  "/assets/datastar.js": () => {
    const { DATASTAR } = process.env; // the path of another bundle
    datastar ??= DATASTAR === undefined ? bundleDatastar() : readFile(DATASTAR, "utf8");
    return datastar;
  },
  "/style.css": () => fileOf("../common/page/style.css"),
  "/icon.svg": () => fileOf("../common/page/icon.svg"),
};

let datastar: Promise<string> | undefined;

async function fileOf(specifier: string): Promise<string> {
  return readFile(fileURLToPath(import.meta.resolve(specifier)), "utf8");
}

async function bundleDatastar(): Promise<string> {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: import.meta.dirname,
    entryPoints: ["public/datastar.ts"],
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  // Otherwise the process of the compiler would keep running beside the server.
  await esbuild.stop();
  return outputFiles.map(({ text }) => text).join("");
}
