/** The packages of the workspace, as their package.json describes them. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

export const ROOT: string = resolve(import.meta.dirname, "..");

/** The fields of a package.json that the scripts read. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly keywords?: readonly string[];
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly publishConfig?: { readonly exports?: Readonly<Record<string, unknown>> };
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** A package that is published. */
export interface PublicPackage {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  /** Relative to the root, with slashes, as in `packages/core`. */
  readonly directory: string;
  readonly manifest: Manifest;
}

export function readJson<T>(...path: readonly string[]): T {
  return JSON.parse(readFileSync(join(...path), "utf8")) as T;
}

/** Every package in `packages` that is not private, those first that others of them depend on. */
export function publicPackages(): readonly PublicPackage[] {
  const found = globSync("packages/*/package.json", { cwd: ROOT })
    .map((file) => {
      const folder = join(ROOT, dirname(file));
      const manifest = readJson<Manifest>(folder, "package.json");
      const directory = relative(ROOT, folder).replaceAll("\\", "/");
      return { name: manifest.name, folder, directory, manifest };
    })
    .filter(({ manifest }) => !manifest.private)
    .toSorted((one, other) => one.name.localeCompare(other.name));
  const sorted = new Set<PublicPackage>();
  const add = (item: PublicPackage): void => {
    const { dependencies, peerDependencies } = item.manifest;
    const needed = Object.keys({ ...dependencies, ...peerDependencies });
    for (const other of found) if (needed.includes(other.name)) add(other);
    sorted.add(item);
  };
  found.forEach(add);
  return [...sorted];
}
