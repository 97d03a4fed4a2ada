import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { withAbsoluteLinks } from "./absolute-links.ts";
import type { PublicPackage } from "./packages.ts";
import { publishFields, urlOfFile } from "./publish-fields.ts";

/** Runs a program, whose output is shown only if it fails. */
export function run(command: string, args: readonly string[], cwd?: string): string {
  const shell = process.platform === "win32"; // npm and pnpm are scripts there
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, shell, encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** Runs pnpm, which only its own scripts have on their path. */
function pnpm(args: readonly string[], cwd: string): string {
  const isOwnScript = process.env.npm_config_user_agent?.startsWith("pnpm/");
  return isOwnScript ? run("pnpm", args, cwd) : run("npx", ["--yes", "pnpm@12.21.0", ...args], cwd);
}

/** Packs a package as it is published: like `pnpm pack`, but the links of its README are absolute. Needs a build. */
export function pack({ folder, directory }: PublicPackage, tarball: string): void {
  const scratch = mkdtempSync(join(tmpdir(), "holdfast-pack-"));
  try {
    const packed = join(scratch, "packed.tgz");
    pnpm(["pack", "--out", packed], folder);
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

/**
 * Packs packages into a folder, and unpacks them into its `node_modules`, as if they were installed there; what they depend
 * on is linked. Returns the tarballs.
 */
export function unpackAll(
  packages: readonly PublicPackage[],
  into: string,
): readonly { readonly name: string; readonly tarball: string }[] {
  const tarballs = packages.map((item) => {
    const tarball = join(into, `${item.name.replace("/", "-")}.tgz`);
    pack(item, tarball);
    const unpacked = join(into, "node_modules", item.name);
    mkdirSync(unpacked, { recursive: true });
    run("tar", ["-xzf", tarball, "-C", unpacked, "--strip-components=1"]);
    return { name: item.name, tarball };
  });
  for (const { name, folder, manifest } of packages) {
    for (const needed of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      if (packages.some((other) => other.name === needed)) continue;
      const link = join(into, "node_modules", name, "node_modules", needed);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(folder, "node_modules", needed), link, "junction");
    }
  }
  return tarballs;
}
