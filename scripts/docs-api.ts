/**
 * `pnpm docs:api`: writes the API reference to docs/api, as Markdown, from the documentation in the sources. The site
 * includes that folder; git ignores it. A link to something that does not exist is an error.
 */
import { dirname, join, relative } from "node:path";
import { Application, type Context, Converter } from "typedoc";
import { publicPackages, ROOT } from "./packages.ts";

/** The published entries that the reference describes: the file in the sources, and the specifier. */
const entries = publicPackages().flatMap(({ name, folder, manifest }) =>
  Object.keys(manifest.publishConfig?.exports ?? {})
    // Adapters re-export it; it is a part of the main entry of core.
    .filter((entry) => name + entry.slice(1) !== "@holdfast/core/app")
    .map((entry) => ({
      file: join(folder, manifest.exports?.[entry]?.["@holdfast/source"] ?? ""),
      specifier: name + entry.slice(1),
    })),
);

const markdown = {
  entryFileName: "index",
  hidePageHeader: true,
  useCodeBlocks: true,
  sanitizeComments: true,
  parametersFormat: "table",
};
const app = await Application.bootstrapWithPlugins({
  ...markdown,
  name: "API",
  plugin: ["typedoc-plugin-markdown"],
  outputs: [{ name: "markdown", path: join(ROOT, "docs/api") }],
  entryPoints: entries.map(({ file }) => file),
  tsconfig: join(ROOT, "scripts/api/tsconfig.json"),
  skipErrorChecking: true, // `pnpm typecheck` finds them.
  readme: "none",
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  validation: { notExported: false, invalidLink: true, notDocumented: false },
});

/** A module is called as it is imported. */
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }: Context) => {
  for (const module of project.children ?? []) {
    const entry = entries.find(
      ({ file }) => relative(join(ROOT, "packages"), dirname(file)).replaceAll("\\", "/") === module.name,
    );
    if (entry !== undefined) module.name = entry.specifier;
  }
});

const project = await app.convert();
if (project !== undefined) {
  app.validate(project);
  await app.generateOutputs(project);
}
process.exitCode = project === undefined || app.logger.hasErrors() || app.logger.hasWarnings() ? 1 : 0;
