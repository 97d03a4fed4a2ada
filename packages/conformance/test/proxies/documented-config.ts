import { readFileSync } from "node:fs";
import { join } from "node:path";

const PAGE = readFileSync(join(import.meta.dirname, "../../../../docs/behind-a-proxy.md"), "utf8");

/** The configuration in docs/behind-a-proxy.md: its code block with this info string. */
export function documentedConfig(info: string): string {
  const [, block] = PAGE.split(`\n\`\`\`${info}\n`);
  if (block === undefined) throw new Error(`docs/behind-a-proxy.md has no \`\`\`${info}`);
  return block.slice(0, block.indexOf("```"));
}

/** Replaces text in a configuration, such as ports. Throws if there is nothing to replace. */
export function adapt(
  configuration: string,
  changes: readonly (readonly [from: string, to: string])[],
): string {
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`Nothing to replace: ${from}`);
    return text.replaceAll(from, to);
  }, configuration);
}
