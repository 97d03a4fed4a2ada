/**
 * `pnpm api`: writes the published interface of each package to its api.md, and lists the exports without documentation.
 * With `--check` it changes nothing, and fails if there is such an export or if a page would change.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { undocumented } from "./api/documentation.ts";
import { readApis } from "./api/program.ts";
import { ApiReporter } from "./api/report.ts";
import { publicPackages } from "./packages.ts";

const isCheck = process.argv.includes("--check");
const { apis, checker } = readApis(publicPackages());
const reporter = new ApiReporter(checker, apis);
const problems = undocumented(apis, checker).map((name) => `${name} has no documentation.`);

for (const api of apis.filter(({ entries }) => entries.length > 0)) {
  const page = join(api.package.folder, "api.md");
  const before = existsSync(page) ? readFileSync(page, "utf8") : "";
  const report = reporter.report(api);
  if (report === before) continue;
  const path = `${api.package.directory}/api.md`;
  if (isCheck) problems.push(`${path} is out of date. If the change is intended: npx pnpm@12.21.0 api`);
  else {
    writeFileSync(page, report);
    console.log(`Wrote ${path}.`);
  }
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
