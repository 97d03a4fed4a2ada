import ts from "typescript";
import type { PublicPackage } from "../packages.ts";
import { declarationsIn, type Entry, type PackageApi, resolveAlias } from "./program.ts";

const printer = ts.createPrinter({ removeComments: true });

/**
 * The published interface of a package as text: the declaration of each export, and of what these declarations name
 * without exporting it.
 */
export class ApiReporter {
  readonly #checker: ts.TypeChecker;
  readonly #entries: readonly Entry[];
  /** The declarations of each source file, as in its `.d.ts`. */
  readonly #declared = new Map<ts.SourceFile, ts.SourceFile>();

  constructor(checker: ts.TypeChecker, apis: readonly PackageApi[]) {
    this.#checker = checker;
    this.#entries = apis.flatMap(({ entries }) => entries);
  }

  report({ package: item, entries }: PackageApi): string {
    const printed = new Set<ts.Symbol>();
    const sections = entries.map(({ specifier, exports }) => {
      const isElsewhere = (symbol: ts.Symbol): boolean => declarationsIn(item, symbol).length === 0;
      const here = [...exports].filter(([, symbol]) => !printed.has(symbol) && !isElsewhere(symbol));
      const texts = [
        ...this.#listed("As above", specifier, exports, (symbol) => printed.has(symbol)),
        ...this.#listed("From another package", specifier, exports, isElsewhere),
        ...here.map(([name, symbol]) => this.#textOf(item, symbol, name)),
      ];
      for (const [, symbol] of here) printed.add(symbol);
      const others = this.#named(item, [...printed]).toSorted((one, other) =>
        one.name < other.name ? -1 : 1,
      );
      for (const symbol of others) printed.add(symbol);
      if (others.length > 0) texts.push("// Not exported, but named above");
      texts.push(...others.map((symbol) => this.#textOf(item, symbol, symbol.name)).filter(Boolean));
      return `## ${specifier}\n\n\`\`\`ts\n${texts.join("\n\n")}\n\`\`\`\n`;
    });
    return [`# The API of ${item.name}\n`, NOTE, ...sections].join("\n");
  }

  /** The exports that `isListed` chooses, by their names alone; all exports of another entry together. */
  #listed(
    title: string,
    specifier: string,
    exports: Entry["exports"],
    isListed: (symbol: ts.Symbol) => boolean,
  ): string[] {
    const names = new Set([...exports].filter(([, symbol]) => isListed(symbol)).map(([name]) => name));
    if (names.size === 0) return [];
    const whole = this.#entries
      .filter((other) => other.specifier !== specifier && isPart(other.exports, exports))
      .toSorted((one, other) => other.exports.size - one.exports.size)[0];
    for (const name of whole?.exports.keys() ?? []) names.delete(name);
    const lines = whole === undefined ? [] : [`export * from "${whole.specifier}";`];
    if (names.size > 0) lines.push(`export { ${[...names].join(", ")} };`);
    return [`// ${title}\n${wrapped(lines)}`];
  }

  #textOf(item: PublicPackage, symbol: ts.Symbol, name: string): string {
    const texts = declarationsIn(item, symbol).map((node) => this.#declaration(node, symbol.name));
    const renamed = name === symbol.name ? [] : [`export { ${symbol.name} as ${name} };`];
    return [...new Set([...texts, ...renamed])].join("\n");
  }

  /** The statement that declares a name, without bodies and initializers. */
  #declaration(node: ts.Declaration, name: string): string {
    const source = node.getSourceFile();
    const emitted = this.#declared.get(source) ?? emit(source);
    this.#declared.set(source, emitted);
    const statements = emitted.statements.filter((statement) => declaresName(statement, name));
    const texts = statements.map((statement) =>
      printer.printNode(ts.EmitHint.Unspecified, statement, emitted),
    );
    return texts
      .join("\n")
      .replace(/^(export )?declare /gm, "$1")
      .replace(/\[\s+\]/g, "[]");
  }

  /** What the declarations of these symbols name, and what those do: the symbols of the same package, without these. */
  #named(item: PublicPackage, symbols: readonly ts.Symbol[]): ts.Symbol[] {
    const seen = new Set(symbols);
    const found: ts.Symbol[] = [];
    const visit = (node: ts.Node): void => {
      // Neither bodies and initializers nor private members are part of the interface, nor what only holdfast has a symbol for.
      if (ts.isBlock(node) || isInternal(node)) return;
      if (ts.isIdentifier(node)) add(node);
      node.forEachChild((child) => {
        if (!isInitializer(child, node)) visit(child);
      });
    };
    const add = (node: ts.Identifier): void => {
      const symbol = this.#checker.getSymbolAtLocation(node);
      const target = symbol && resolveAlias(this.#checker, symbol);
      if (target === undefined || seen.has(target)) return;
      const declarations = declarationsIn(item, target).filter(isTopLevel);
      if (declarations.length === 0) return;
      seen.add(target);
      found.push(target);
      declarations.forEach(visit);
    };
    for (const symbol of symbols) declarationsIn(item, symbol).forEach(visit);
    return found;
  }
}

const NOTE = `\`npx pnpm@12.21.0 api\` writes this page from the sources. A change of it is a change of the public interface:
[docs/versions.md](../../docs/versions.md) says what kind of version it needs.
`;

const isPart = (part: Entry["exports"], whole: Entry["exports"]): boolean =>
  part.size > 0 && [...part].every(([name, symbol]) => whole.get(name) === symbol);

const wrapped = (lines: readonly string[]): string => lines.join("\n").replace(/(.{90,110}) /g, "$1\n  ");

function emit(source: ts.SourceFile): ts.SourceFile {
  const { outputText } = ts.transpileDeclaration(source.text, {
    fileName: source.fileName,
    compilerOptions: { isolatedDeclarations: true, removeComments: true, target: ts.ScriptTarget.ES2023 },
  });
  return ts.createSourceFile(source.fileName, outputText, ts.ScriptTarget.ES2023, true);
}

function declaresName(statement: ts.Statement, name: string): boolean {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.some((declaration) => declaration.name.getText() === name);
  }
  return (statement as Partial<ts.DeclarationStatement>).name?.getText() === name;
}

const isInternal = (node: ts.Node): boolean =>
  (ts.isClassElement(node) || ts.isTypeElement(node)) &&
  node.name !== undefined &&
  (ts.isPrivateIdentifier(node.name) || ts.isComputedPropertyName(node.name));

const isInitializer = (child: ts.Node, parent: ts.Node): boolean =>
  (ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isPropertyDeclaration(parent)) &&
  parent.initializer === child;

const isTopLevel = (node: ts.Declaration): boolean => {
  const statement = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  return ts.isSourceFile(statement.parent);
};
