import ts from "typescript";
import { declarationsIn, type PackageApi } from "./program.ts";

/** Every export, and every member of an exported interface or class, that has no documentation. */
export function undocumented(apis: readonly PackageApi[], checker: ts.TypeChecker): readonly string[] {
  const names = new Set<string>();
  for (const { package: item, entries } of apis) {
    for (const { exports } of entries) {
      for (const [name, symbol] of exports) {
        const declarations = declarationsIn(item, symbol);
        const [declaration] = declarations;
        if (declaration === undefined) continue;
        if (!isDocumented(symbol, checker)) names.add(located(name, declaration));
        for (const member of membersOf(declarations)) {
          if (!isDocumented(member.symbol, checker))
            names.add(located(`${name}.${member.symbol.name}`, member.node));
        }
      }
    }
  }
  return [...names];
}

const isDocumented = (symbol: ts.Symbol, checker: ts.TypeChecker): boolean =>
  symbol.getDocumentationComment(checker).length > 0 || symbol.getJsDocTags(checker).length > 0;

const located = (name: string, node: ts.Node): string => {
  const { fileName } = node.getSourceFile();
  return `${name} (${fileName.slice(fileName.indexOf("packages/"))})`;
};

interface Member {
  readonly symbol: ts.Symbol;
  readonly node: ts.Node;
}

/** The members that an interface or class declares itself; not constructors, private names and computed names. */
function membersOf(declarations: readonly ts.Declaration[]): readonly Member[] {
  const found: Member[] = [];
  for (const node of declarations) {
    if (!ts.isInterfaceDeclaration(node) && !ts.isClassDeclaration(node)) continue;
    for (const member of node.members) {
      if (member.name === undefined || !ts.isIdentifier(member.name) || !("symbol" in member)) continue;
      found.push({ symbol: member.symbol as ts.Symbol, node: member });
    }
  }
  return found;
}
