/** `pnpm manifests`: copies publish.json into the package.json of every public package. A test checks that they agree. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { publicPackages, ROOT } from "./packages.ts";
import { publishFields, withPublishFields } from "./publish-fields.ts";

const files = publicPackages().map(({ folder, directory, manifest }) => {
  const file = join(folder, "package.json");
  writeFileSync(file, JSON.stringify(withPublishFields(manifest, directory, publishFields()), null, 2));
  return file;
});
// Sorts the fields, too.
process.exitCode = spawnSync("oxfmt", files, { cwd: ROOT, stdio: "inherit" }).status ?? 1;
