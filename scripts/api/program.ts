import { join } from "node:path";
import ts from "typescript";
import { type PublicPackage, ROOT } from "../packages.ts";

/** An entry of a package, as in `@holdfast/core/testing`, and the symbols that it exports, by name. */
export interface Entry {
  readonly specifier: string;
  readonly exports: ReadonlyMap<string, ts.Symbol>;
}

/** The published interface of a package. */
export interface PackageApi {
  readonly package: PublicPackage;
  readonly entries: readonly Entry[];
}

/** Reads the sources of all packages, without a build. */
export function readApis(packages: readonly PublicPackage[]): {
  readonly checker: ts.TypeChecker;
  readonly apis: readonly PackageApi[];
} {
  const published = packages.map((item) => ({
    item,
    entries: Object.keys(item.manifest.publishConfig?.exports ?? {}).map((entry) => ({
      specifier: item.name + entry.slice(1),
      file: join(item.folder, item.manifest.exports?.[entry]?.["@holdfast/source"] ?? ""),
    })),
  }));
  const program = ts.createProgram({
    rootNames: published.flatMap(({ entries }) => entries.map(({ file }) => file)),
    options: options(),
  });
  const checker = program.getTypeChecker();
  const apis = published.map(({ item, entries }) => ({
    package: item,
    entries: entries.map(({ specifier, file }) => ({ specifier, exports: exportsOf(program, file) })),
  }));
  return { checker, apis };
}

function options(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.base.json"), (file) => ts.sys.readFile(file));
  const { options: base } = ts.convertCompilerOptionsFromJson(
    {
      ...config.compilerOptions,
      lib: ["es2023", "dom", "dom.asynciterable", "esnext.disposable"],
      types: ["node"],
    },
    ROOT,
  );
  return { ...base, composite: false, noEmit: true, typeRoots: [join(ROOT, "node_modules/@types")] };
}

function exportsOf(program: ts.Program, file: string): ReadonlyMap<string, ts.Symbol> {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${file} is not a module.`);
  return new Map(
    checker
      .getExportsOfModule(module)
      .map((symbol): [string, ts.Symbol] => [symbol.name, resolveAlias(checker, symbol)])
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
}

export function resolveAlias(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** The declarations of a symbol in the sources of a package. */
export function declarationsIn({ folder }: PublicPackage, symbol: ts.Symbol): readonly ts.Declaration[] {
  const sources = join(folder, "src/").replaceAll("\\", "/");
  return (symbol.declarations ?? []).filter((node) => node.getSourceFile().fileName.startsWith(sources));
}
