import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { follow } from "../../common/test/follow.ts";
import { until } from "../../common/test/until.ts";
import { countdowns } from "../countdowns.ts";
import { servers } from "../servers.ts";

const read = (file: string): string => readFileSync(join(import.meta.dirname, file), "utf8");
const recipes = Object.entries(servers);

test.each(recipes)("the documentation shows exactly %s", (name) => {
  expect(read("../../../docs/frameworks.md")).toContain(`\`\`\`ts\n${read(`../${name}.ts`)}\`\`\``);
});

test.each(recipes)(
  "with %s, a client reconnects for the events that it missed, and no connection is left",
  async (name, start) => {
    const { url, close } = await start(0);
    onTestFinished(() => close());
    const countdown = new URL(`countdowns/${name}`, url).href;
    let cursor = "";
    for await (const { id, event } of follow(countdown)) {
      if (event !== "count") continue;
      cursor = id ?? "";
      break;
    }
    await until(() => countdowns.gauges().connections === 0);
    for await (const { event, data } of follow(countdown, cursor)) {
      if (event !== "count") continue;
      expect(data).toBe(9);
      break;
    }
    await until(() => countdowns.gauges().connections === 0);
  },
);
