import type { Connection } from "@holdfast/client";
import type { Registry } from "@holdfast/core";
import { expect, test } from "vitest";
import { connectPagesTo, eventually, load, type Service } from "../support/load.ts";

interface Notice {
  id: number;
  text: string;
}
type Page = {
  follow: (headers: Record<string, string>, show: (notices: Map<number, Notice>) => void) => Promise<void>;
};
interface Tabs {
  connectNotices: (
    user: string,
    headers: Record<string, string>,
    onReset: () => void,
  ) => Connection<{ id: string; data: Notice }>;
}
type Server = Service & { notify: (user: string, notice: Notice) => void; users: Registry };
const { app, notify, users } = await load<Server>("notifications", "server.ts");
// It adds a route, which is possible before the first request only.
await load("notifications", "live.ts");
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

test("the tabs of a user share a connection, and those of another one have their own", async () => {
  const { connectNotices } = await load<Tabs>("notifications", "tabs.ts");
  connectPagesTo((request) => app.request(request));
  const got: Record<string, string[]> = { ann: [], bob: [] };
  const tabs = ["ann", "ann", "ann", "bob"].map((user) => {
    const connection = connectNotices(user, { authorization: `Bearer ${user}` }, () => undefined);
    void (async () => {
      for await (const { data } of connection) got[user]?.push(data.text);
    })();
    return connection;
  });
  await eventually(() => expect(tabs.map(({ state }) => state.status)).toEqual(Array(4).fill("live")));
  const connections = (): number[] => ["ann", "bob"].map((user) => users.connections(user).length);
  await eventually(() => expect(connections()).toEqual([1, 1]));
  notify("ann", { id: 4, text: "for ann" });
  await eventually(() => expect(got).toEqual({ ann: Array(3).fill("for ann"), bob: [] }));
  for (const tab of tabs) tab.close();
  await eventually(() => expect(connections()).toEqual([0, 0]));
});

test("without a user there is no stream", async () => {
  expect((await app.request("/notices/events")).status).toBe(401);
});
