import type { Hono } from "hono";
import { expect, test } from "vitest";
import { connectPagesTo, eventually, load } from "../support/load.ts";

type Model = (prompt: string, signal: AbortSignal) => AsyncIterable<string>;
type Server = { createApp: (model: Model) => Hono };
interface Reading {
  readonly ended: Promise<void>;
  readonly leave: () => void;
  readonly stop: () => Promise<Response>;
}
type Page = { read: (id: string, show: (text: string) => void) => Reading };

const { createApp } = await load<Server>("stop-is-not-disconnect", "server.ts");
const { read } = await load<Page>("stop-is-not-disconnect", "page.ts");

/** An answer whose model says a word and waits for `go`. */
async function ask(): Promise<{ id: string; signal: AbortSignal; go: () => void }> {
  const gate = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<AbortSignal>();
  const app = createApp(async function* (_prompt, signal) {
    asked.resolve(signal);
    signal.addEventListener("abort", () => gate.resolve());
    yield "Once ";
    await gate.promise;
    signal.throwIfAborted();
    yield "upon a time";
  });
  connectPagesTo((request) => app.request(request));
  const response = await fetch("/answers", { method: "POST", body: JSON.stringify({ prompt: "A tale." }) });
  return { ...(await response.json()), signal: await asked.promise, go: () => gate.resolve() };
}

test("a page that is left does not stop the answer, which the next one gets whole", async () => {
  const { id, signal, go } = await ask();
  const shown: string[] = [];
  const first = read(id, (text) => shown.push(text));
  await eventually(() => expect(shown).toEqual(["Once "]));
  first.leave();
  await first.ended;
  expect(signal.aborted).toBe(false);
  const again: string[] = [];
  const second = read(id, (text) => again.push(text));
  go();
  await second.ended;
  expect(again).toEqual(["Once ", "upon a time"]);
});

test("a stop ends the answer for everybody", async () => {
  const { id, signal } = await ask();
  const shown: string[] = [];
  const pages = [read(id, (text) => shown.push(text)), read(id, (text) => shown.push(text))] as const;
  const ended = pages.map((page) => expect(page.ended).rejects.toMatchObject({ reason: "cancelled" }));
  await eventually(() => expect(shown).toEqual(["Once ", "Once "]));
  await pages[0].stop();
  await Promise.all(ended);
  expect(signal.aborted).toBe(true);
});
