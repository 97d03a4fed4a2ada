// Tested by test/connection/ends.test.ts.

import type { Control } from "../protocol/control-events.ts";
import { controlText } from "../protocol/encode.ts";

/** A control function that never throws: `onError` gets what it throws, and `INVALID_EVENT` for what cannot be encoded. */
export function guardControl(control: Control, onError: (error: unknown) => void): Control {
  if (typeof control !== "function") return control;
  return (event) => {
    try {
      const replaced = control(event);
      if (replaced !== undefined) controlText(replaced, {});
      return replaced;
    } catch (error) {
      onError(error);
      return undefined;
    }
  };
}
