import { checkNoBuffer, checkNoBytes, describe, invalidEvent } from "./check-event.ts";

/**
 * The JSON of an event's data.
 *
 * @throws `INVALID_EVENT`, with the path of a value that JSON cannot represent
 */
export function toJson(data: unknown): string {
  checkNoBytes(data);
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    throw invalidEvent(`\`data\` cannot be serialised as JSON${reason(data)}.`, cause);
  }
  if (text === "{}") checkNoBuffer(data);
  if (text === undefined) throw invalidEvent(`\`data\` cannot be serialised as JSON, got ${describe(data)}.`);
  return text;
}

function reason(data: unknown): string {
  try {
    const found = findUnserialisable(data, "data", [], new Set());
    return found === undefined ? "" : `: ${found}`;
  } catch {
    // An accessor or a `toJSON` that throws, or too deep a nesting: the cause says it.
    return "";
  }
}

interface Ancestor {
  readonly value: object;
  readonly path: string;
}

/** @param searched objects that have nothing to find, so that one that is used many times is searched once */
function findUnserialisable(
  given: unknown,
  path: string,
  ancestors: readonly Ancestor[],
  searched: Set<object>,
): string | undefined {
  const value = withoutToJson(given);
  if (typeof value === "bigint") return `\`${path}\` is a BigInt. Send it as a string`;
  if (typeof value !== "object" || value === null || searched.has(value)) return undefined;
  const circular = ancestors.find((ancestor) => ancestor.value === value);
  if (circular !== undefined)
    return `\`${path}\` is circular, it is \`${circular.path}\` again. Leave it out`;
  for (const [key, item] of Object.entries(value)) {
    const inner = findUnserialisable(
      item,
      Array.isArray(value) ? `${path}[${key}]` : pathOf(path, key),
      [...ancestors, { value, path }],
      searched,
    );
    if (inner !== undefined) return inner;
  }
  searched.add(value);
  return undefined;
}

function withoutToJson(value: unknown): unknown {
  if ((typeof value !== "object" && typeof value !== "bigint") || value === null) return value;
  const { toJSON } = value as { readonly toJSON?: unknown };
  return typeof toJSON === "function" ? (toJSON.call(value) as unknown) : value;
}

function pathOf(path: string, key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}
