import type { HoldfastError } from "../base/errors.ts";
import type { Stream } from "./stream.ts";

/** What came of a look into the store. */
export type LookupResult =
  | { readonly state: "here"; readonly stream: Stream }
  | { readonly state: "missing" }
  /** The store is away, or the registry has no room. */
  | { readonly state: "unknown" | "full"; readonly error: HoldfastError };
