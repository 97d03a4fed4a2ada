import { expect, test } from "vitest";
import { connectPagesTo, eventually, load, type Service } from "../support/load.ts";

interface Notice {
  id: number;
  text: string;
}
type Page = {
  follow: (headers: Record<string, string>, show: (notices: Map<number, Notice>) => void) => Promise<void>;
};
const { app, notify } = await load<Service & { notify: (user: string, notice: Notice) => void }>(
  "notifications",
  "server.ts",
);
const { follow } = await load<Page>("notifications", "page.ts");

test("a page shows unread and new notices, and hides what another tab has read", async () => {
  let isOpen = true;
  connectPagesTo((request) => (isOpen ? app.request(request) : new Response(null, { status: 204 })));
  notify("ann", { id: 1, text: "before" });
  let shown: number[] = [];
  const headers = { authorization: "Bearer ann" };
  void follow(headers, (notices) => (shown = [...notices.keys()]));
  await eventually(() => expect(shown).toEqual([1]));

  notify("ann", { id: 2, text: "after" });
  notify("bob", { id: 3, text: "not ann's" });
  await eventually(() => expect(shown).toEqual([1, 2]));

  await fetch("/notices/1/read", { method: "POST", headers });
  await eventually(() => expect(shown).toEqual([2]));
  isOpen = false;
});

test("without a user there is no stream", async () => {
  expect((await app.request("/notices/events")).status).toBe(401);
});
