import { expect, test, vi } from "vitest";
import { connectPagesTo, eventually, FakeElement, load, type Service } from "../support/load.ts";

type Page = {
  join: (room: string, list: FakeElement) => Promise<void>;
  say: (room: string, name: string, text: string) => Promise<void>;
};
const { app } = await load<Service>("chat-room", "server.ts");
const { join, say } = await load<Page>("chat-room", "page.ts");

test("everybody in the room reads the same, and who comes late reads what was said before", async () => {
  connectPagesTo((request) => app.request(request));
  vi.stubGlobal("document", Object.assign(new EventTarget(), { createElement: () => new FakeElement() }));
  const [early, late] = [new FakeElement(), new FakeElement()];
  const lines = (list: FakeElement): string[] => list.children.map(({ textContent }) => textContent);
  void join("lobby", early);
  await say("lobby", "Ann", "hello");
  await eventually(() => expect(lines(early)).toEqual(["Ann: hello"]));
  void join("lobby", late);
  await say("lobby", "Bob", "hi");
  await eventually(() =>
    expect([lines(early), lines(late)]).toEqual(Array(2).fill(["Ann: hello", "Bob: hi"])),
  );
});

test("a room that does not exist is not created", async () => {
  expect((await app.request("/rooms/attic/events")).status).toBe(404);
});
