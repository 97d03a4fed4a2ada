import type { Registry } from "@holdfast/core";
import { expect, test } from "vitest";
import { connectPagesTo, eventually, load, type Service } from "../support/load.ts";

interface Reading {
  machine: string;
  celsius: number;
}
type Server = Service & {
  readonly plant: Registry;
  readonly report: (reading: Reading) => void;
  readonly remove: (machine: string) => void;
  readonly alarm: (text: string) => void;
};
type Page = {
  readonly show: (
    render: (readings: ReadonlyMap<string, Reading>) => void,
    shout: (text: string) => void,
  ) => Promise<void>;
};
const { app, plant, report, remove, alarm } = await load<Server>("dashboards", "server.ts");
const { show } = await load<Page>("dashboards", "page.ts");

test("a page shows the current values, then the changes, and drops what is gone", async () => {
  connectPagesTo((request) => app.request(request));
  for (let celsius = 20; celsius <= 30; celsius++) report({ machine: "press", celsius });
  report({ machine: "saw", celsius: 40 });
  let shown: Record<string, number> = {};
  let renderings = 0;
  const alarms: string[] = [];
  const page = show(
    (readings) => {
      renderings++;
      shown = Object.fromEntries([...readings].map(([machine, { celsius }]) => [machine, celsius]));
    },
    (text) => void alarms.push(text),
  );
  await eventually(() => expect(shown).toEqual({ press: 30, saw: 40 }));
  expect(renderings).toBe(2);

  alarm("Fire");
  report({ machine: "press", celsius: 31 });
  await eventually(() => expect([shown, alarms]).toEqual([{ press: 31, saw: 40 }, ["Fire"]]));

  remove("saw");
  await eventually(() => expect(shown).toEqual({ press: 31 }));

  report({ machine: "lathe", celsius: 50 });
  await eventually(() => expect(shown).toEqual({ press: 31, lathe: 50 }));
  plant.channel("hall").delete("press");
  await eventually(() => expect(shown).toEqual({ lathe: 50 }));
  plant.channel("hall").delete("lathe");
  await eventually(() => expect(shown).toEqual({}));

  connectPagesTo(() => new Response(null, { status: 204 }));
  void plant.close({ spread: 0 });
  await page;
});
