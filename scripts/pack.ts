import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withAbsoluteLinks } from "./absolute-links.ts";
import type { PublicPackage } from "./packages.ts";
import { publishFields, urlOfFile } from "./publish-fields.ts";

/** Runs a program, whose output is shown only if it fails. */
export function run(command: string, args: readonly string[], cwd?: string): string {
  const shell = process.platform === "win32"; // npm and pnpm are scripts there
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, shell, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** Packs a package as it is published: like `pnpm pack`, but the links of its README are absolute. Needs a build. */
export function pack({ folder, directory }: PublicPackage, tarball: string): void {
  const scratch = mkdtempSync(join(tmpdir(), "holdfast-pack-"));
  try {
    const packed = join(scratch, "packed.tgz");
    run("pnpm", ["pack", "--out", packed], folder);
    run("tar", ["-xzf", packed, "-C", scratch]);
    const readme = join(scratch, "package/README.md");
    const fields = publishFields();
    writeFileSync(
      readme,
      withAbsoluteLinks(readFileSync(readme, "utf8"), directory, (path) => urlOfFile(fields, path)),
    );
    run("tar", ["-czf", tarball, "-C", scratch, "package"]);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
