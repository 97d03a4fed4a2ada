// Tested by test/connection/ends.test.ts.

import type { Control } from "../protocol/control-events.ts";
import { controlText } from "../protocol/encode.ts";

/**
 * The options with a control function that never throws: `fail` gets what it throws, and `INVALID_EVENT` for what cannot
 * be encoded. Without a control function they are the same object, which all connections of a registry share.
 */
export function guardControl<Options extends { readonly control: Control }>(
  options: Options,
  owner: { fail(error: unknown): void },
): Options {
  const { control } = options;
  if (typeof control !== "function") return options;
  const guarded: Control = (event) => {
    try {
      const replaced = control(event);
      if (replaced !== undefined) controlText(replaced, {});
      return replaced;
    } catch (error) {
      owner.fail(error);
      return undefined;
    }
  };
  return { ...options, control: guarded };
}
