/**
 * `pnpm release`: publishes every public package whose version the registry does not have, in the order of their
 * dependencies, and tags it. Needs a build. As long as the project has no home, it publishes only to a registry on this
 * machine. With `--check` it only says whether it would publish.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack, run } from "./pack.ts";
import { publicPackages, ROOT } from "./packages.ts";
import { isPlaceholder, publishFields } from "./publish-fields.ts";

const registry = process.env.npm_config_registry ?? run("npm", ["config", "get", "registry"]).trim();
const isLocal = ["127.0.0.1", "[::1]", "localhost"].includes(new URL(registry).hostname);

if (isPlaceholder(publishFields()) && !isLocal) {
  console.error(
    "publish.json has no home yet: fill in repository, homepage and bugs, and run `pnpm manifests`.",
  );
  process.exit(1);
}
if (process.argv.includes("--check")) process.exit(0);

const scratch = mkdtempSync(join(tmpdir(), "holdfast-release-"));
process.on("exit", () => rmSync(scratch, { recursive: true }));

function isPublished(name: string, version: string): boolean {
  try {
    return run("npm", ["view", `${name}@${version}`, "version", "--registry", registry]).trim() === version;
  } catch (error) {
    // Only "not found" means that nobody has published it.
    if (error instanceof Error && /E404/.test(error.message)) return false;
    throw error;
  }
}

for (const item of publicPackages()) {
  const { name, manifest } = item;
  if (isPublished(name, manifest.version)) {
    console.log(`${name} ${manifest.version} is published already.`);
    continue;
  }
  const tarball = join(scratch, `${name.replace("/", "-")}.tgz`);
  pack(item, tarball);
  run("npm", ["publish", tarball, "--access", "public", "--registry", registry], scratch);
  console.log(`Published ${name} ${manifest.version}.`);
}

// The release workflow reads the names of the tags in this output.
if (!isLocal) console.log(run("pnpm", ["changeset", "tag"], ROOT));
