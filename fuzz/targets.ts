import { adapterTargets } from "./campaigns/adapter-targets.ts";
import { runReaderCampaign } from "./campaigns/reader-campaign.ts";
import type { Result } from "./campaigns/result.ts";
import { type CampaignOptions, runServerCampaign, type ServerTarget } from "./campaigns/server-campaign.ts";
import { storeTargets } from "./campaigns/store-targets.ts";

/** Something that is attacked, for itself. */
export interface Target {
  readonly name: string;
  readonly run: (options: CampaignOptions) => Promise<Result>;
}

const server = (target: ServerTarget): Target => ({
  name: target.name,
  run: (options) => runServerCampaign(target, options),
});

export const targets: readonly Target[] = [
  ...adapterTargets.map(server),
  ...storeTargets.map(server),
  { name: "client connect", run: (options) => runReaderCampaign("connect", options) },
  { name: "core readEvents", run: (options) => runReaderCampaign("readEvents", options) },
];
