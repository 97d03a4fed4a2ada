import * as client from "@holdfast/client";
import type { Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { shortDelays } from "../support/short-delays.ts";
import type { ClientApi, OpenStream, ReceivedStream } from "./client-apis.ts";
import { openClientPage } from "./client-page.ts";

/** Reads a stream until the test is finished. Resolves when the client has received everything that exists. */
export type ReadStream = (api: ClientApi, url: string) => Promise<Pick<OpenStream, "finished">>;

export const inNode: ReadStream = async (api, url) => {
  const { live, finished, close } = api(client, url, shortDelays());
  onTestFinished(close);
  await Promise.race([live, finished]);
  return { finished };
};

export const inPage =
  (page: () => Page): ReadStream =>
  async (api, url) => {
    await openClientPage(page(), url);
    await page().evaluate(`
      var stream = (${api.toString()})(holdfast, ${JSON.stringify(url)}, (${shortDelays.toString()})());
      Promise.race([stream.live, stream.finished]);
    `);
    return { finished: page().evaluate<ReceivedStream>("stream.finished") };
  };
