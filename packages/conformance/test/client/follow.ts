import * as client from "@holdfast/client";
import type { Page } from "playwright-core";
import { onTestFinished } from "vitest";
import type { Face, Followed, Following } from "./faces.ts";
import { openClientPage } from "./page.ts";

/** Follows a stream somewhere, until the test is finished; returns when what was there has come. */
export type Follow = (face: Face, url: string) => Promise<Pick<Following, "over">>;

export const inNode: Follow = async (face, url) => {
  const { live, over, close } = face(client, url);
  onTestFinished(close);
  await Promise.race([live, over]);
  return { over };
};

export const inPage =
  (page: () => Page): Follow =>
  async (face, url) => {
    await openClientPage(page(), url);
    await page().evaluate(`
      var following = (${face.toString()})(holdfast, ${JSON.stringify(url)});
      Promise.race([following.live, following.over]);
    `);
    return { over: page().evaluate<Followed>("following.over") };
  };
