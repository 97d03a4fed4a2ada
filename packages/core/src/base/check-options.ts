import { HoldfastError } from "./errors.ts";
import { nearestName } from "./nearest-name.ts";
import { check } from "./validate.ts";

/** The names of all options of an interface. The type makes the compiler find one that is missing. */
export type OptionNames<Options extends object> = Readonly<Record<keyof Options, true>>;

/** Words of the client for options of the server, and the other way round. */
const OTHER_WORDS: readonly (readonly [string, string])[] = [
  ["cursor", "lastEventId"],
  ["maxEventBytes", "maxEventSize"],
];

/**
 * Checks that a value is an object, and that it has only options that exist. An option that is `undefined` counts as
 * missing.
 *
 * @param path the name of the option whose value this is; `undefined` for the options of a call
 * @throws `INVALID_OPTION` with the nearest name
 */
export function checkOptions(path: string | undefined, options: unknown, known: Names): void {
  if (options === undefined) return;
  const isObject = typeof options === "object" && options !== null && !Array.isArray(options);
  check(isObject, path ?? "options", "an object", options);
  for (const [name, value] of Object.entries(options as object)) {
    if (value !== undefined && !Object.hasOwn(known, name)) throw unknownOption(path, name, known);
  }
}

type Names = Readonly<Record<string, true>>;

function unknownOption(path: string | undefined, name: string, known: Names): HoldfastError {
  const names = Object.keys(known);
  const shown = (each: string): string => `\`${path === undefined ? each : `${path}.${each}`}\``;
  const otherWord = OTHER_WORDS.flatMap(([a, b]) => (a === name ? [b] : b === name ? [a] : [])).find((word) =>
    names.includes(word),
  );
  const nearest = nearestName(name, names, Math.max(2, Math.floor(name.length / 2)));
  const hint =
    otherWord !== undefined
      ? `Here it is called ${shown(otherWord)}.`
      : nearest !== undefined
        ? `Did you mean ${shown(nearest)}?`
        : `The options are ${names.toSorted().map(shown).join(", ")}.`;
  return new HoldfastError("INVALID_OPTION", `${shown(name)} is not an option. ${hint}`, { expose: false });
}
