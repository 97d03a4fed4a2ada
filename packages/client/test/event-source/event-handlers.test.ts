import { expect, test } from "vitest";
import { EventHandlers } from "../../src/event-source/event-handlers.ts";

test("a handler is called with the event, as a method of its target", () => {
  const target = new EventTarget();
  const handlers = new EventHandlers<{ open: Event }>(target);
  const calls: unknown[] = [];
  handlers.set("open", function (this: unknown, event) {
    calls.push(this, event.type);
  });
  target.dispatchEvent(new Event("open"));
  expect(calls).toEqual([target, "open"]);
});

test("a new handler replaces the old one, in its place among the listeners", () => {
  const target = new EventTarget();
  const handlers = new EventHandlers<{ open: Event }>(target);
  const calls: string[] = [];
  handlers.set("open", () => calls.push("old"));
  target.addEventListener("open", () => calls.push("listener"));
  handlers.set("open", () => calls.push("new"));
  target.dispatchEvent(new Event("open"));
  expect(calls).toEqual(["new", "listener"]);
});

test("anything but a function removes the handler", () => {
  const target = new EventTarget();
  const handlers = new EventHandlers<{ open: Event }>(target);
  let calls = 0;
  handlers.set("open", () => calls++);
  for (const removal of [null, "no function"]) {
    handlers.set("open", removal as null);
    expect(handlers.get("open")).toBeNull();
    target.dispatchEvent(new Event("open"));
  }
  expect(calls).toBe(0);
});

test("there is no handler until one is set", () => {
  expect(new EventHandlers<{ open: Event }>(new EventTarget()).get("open")).toBeNull();
});
