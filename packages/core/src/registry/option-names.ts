// Tested by test/registry/mistakes.test.ts.

import type { OptionNames } from "../base/check-options.ts";
import { SETTINGS_NAMES, STREAM_NAMES } from "../connection/options.ts";
import type { CancelOptions } from "../stream/stream-host.ts";
import type { SubscribeOptions } from "../stream/subscription.ts";
import type { CloseOptions, OpenOptions, RegistryOptions } from "./types.ts";

export const REGISTRY_NAMES: OptionNames<RegistryOptions> = {
  ...SETTINGS_NAMES,
  events: true,
  snapshot: true,
  snapshotTimeout: true,
  source: true,
  store: true,
  durability: true,
  latestBy: true,
};
export const OPEN_NAMES: OptionNames<OpenOptions> = { ...STREAM_NAMES, ifExists: true };
export const SUBSCRIBE_NAMES: OptionNames<SubscribeOptions> = {
  cursor: true,
  signal: true,
  onReset: true,
  events: true,
};
export const CANCEL_NAMES: OptionNames<CancelOptions> = { grace: true };
export const CLOSE_NAMES: OptionNames<CloseOptions> = { grace: true, deadline: true, spread: true };
