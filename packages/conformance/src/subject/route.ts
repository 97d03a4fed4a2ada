import type { DeliveryOptions, RegistryOptions, ServeOptions, Snapshot } from "@holdfast/core";
import type { BareName } from "./bare-sources.ts";

export type AnyEvents = Record<string, unknown>;

/** What a test server is created with. */
export interface TestServerOptions {
  /** The options of the registry that JSON can express. */
  readonly registry?: Omit<
    RegistryOptions,
    "snapshot" | "source" | "observer" | "clock" | "random" | "store" | "latestBy"
  >;
  /** Channels hold the newest event of each name. */
  readonly latestByName?: boolean;
  /** `fake`: time passes only in `advance`, and what is pushed goes out then. @default the time of the system */
  readonly clock?: "fake";
  /**
   * What the snapshot function returns, `null` for "does not exist"; with `barrier`, it waits for that first.
   * @default no snapshot function
   */
  readonly snapshot?: { readonly answer: Snapshot<AnyEvents> | null; readonly barrier?: string };
}

/** What `control` is served with: `function` is one that translates `stream.error` and `stream.end`, and ignores the others. */
export type ControlName = boolean | "function";

/** What is served under a path. */
export type Route = RouteSource & {
  readonly options?: Omit<ServeOptions, "signal" | "control" | "onClose" | "registry"> & {
    readonly control?: ControlName;
  };
  /** Whether a bare source belongs to the registry. */
  readonly isRegistered?: boolean;
  /** The name of the application's signal that it is served with. */
  readonly signal?: string;
  /** Headers that are set before the adapter is called. */
  readonly earlierHeaders?: readonly (readonly [name: string, value: string])[];
  /** The barrier that the handler waits for before it calls the adapter. */
  readonly barrier?: string;
};

type RouteSource =
  | { readonly stream: string; readonly follow?: Pick<DeliveryOptions, "from" | "wait"> }
  | { readonly writer: string }
  | { readonly channel: string }
  | { readonly bare: BareName }
  /** A sink that the test writes to; the response begins when the barrier `ready` is open. */
  | { readonly sink: string; readonly ready?: string }
  /** The writer of a stream that is opened for the request; its first event has the body of the request. */
  | { readonly echo: string }
  /** These streams as members with their own ids, and these channels; any other name is not found. */
  | { readonly members: { readonly streams: readonly string[]; readonly channels: readonly string[] } }
  /** A value that is not a source. */
  | { readonly invalid: string };
