import { HoldfastError } from "@holdfast/core";
import { LAYOUT, OTHER_LAYOUT } from "../scripts/index.ts";

/**
 * The error of a call that has found data in another layout, for the error of the client; `undefined` for any other error.
 * Nothing is wrong with Redis: other ids are served.
 */
export function layoutError(cause: unknown): HoldfastError | undefined {
  const [, found] =
    new RegExp(`\\b${OTHER_LAYOUT} (\\d+)`).exec(cause instanceof Error ? cause.message : "") ?? [];
  if (found === undefined) return undefined;
  const layout = found === "0" ? "the layout of an unreleased version" : `layout ${found}`;
  const message =
    `Redis has this id in ${layout}, and this version of @holdfast/redis uses layout ${LAYOUT}. Versions with different ` +
    "layouts need different prefixes: see docs/versions.md.";
  return new HoldfastError("STORE_UNAVAILABLE", message, { cause, expose: false });
}
