import { expect, test } from "vitest";
import { connectPagesTo, load, type Service } from "../support/load.ts";

type Page = { upload: (file: File, show: (text: string) => void) => Promise<void> };
const { app } = await load<Service>("upload-progress", "server.ts");
const { upload } = await load<Page>("upload-progress", "page.ts");

test("the page shows how much has arrived, and then the result", async () => {
  connectPagesTo((request) => app.request(request));
  const shown: string[] = [];
  await upload(new File(["a\nb\n", "c"], "rows.csv"), (text) => shown.push(text));
  expect(shown).toEqual(["100 %", "3 rows were imported."]);
});

test("an id is used once", async () => {
  const id = crypto.randomUUID();
  const put = async (): Promise<number> =>
    (await app.request(`/uploads/${id}`, { method: "PUT", body: "a" })).status;
  expect([await put(), await put()]).toEqual([200, 409]);
});
