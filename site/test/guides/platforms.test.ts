import { createRegistry, toResponse } from "@holdfast/core";
import { expect, test, vi } from "vitest";
import { load } from "../support/load.ts";

vi.mock("cloudflare:workers", () => ({ DurableObject: class {} }));
vi.mock("expo/fetch", () => ({ fetch: (url: string, init: RequestInit) => answer(new Request(url, init)) }));
vi.mock("react-native", () => ({ AppState: { addEventListener: () => ({ remove: () => removed() }) } }));

let answer: (request: Request) => Promise<Response>;
let removed = (): void => undefined;

interface Durable {
  fetch(request: Request): Promise<Response>;
}
interface Worker {
  Room: new () => Durable;
  default: { fetch(request: Request, env: object): Promise<Response> };
}

test("workers: a message that is posted reaches who listens to the same room", async () => {
  const { Room, default: worker } = await load<Worker>("workers", "worker.ts");
  const rooms = new Map<string, Durable>();
  const getByName = (name: string): Durable => {
    const room = rooms.get(name) ?? new Room();
    rooms.set(name, room);
    return room;
  };
  const send = (path: string, init?: RequestInit): Promise<Response> =>
    worker.fetch(new Request(`http://worker.test${path}`, init), { ROOMS: { getByName } });
  await send("/rooms/kitchen", { method: "POST", body: "hello" });
  const abort = new AbortController();
  const response = await send("/rooms/kitchen", { signal: abort.signal });
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += new TextDecoder().decode(bytes);
    if (text.includes("data: hello\n")) break;
  }
  abort.abort();
  expect((await send("/elsewhere")).status).toBe(404);
});

test("react-native: progress is read through the given fetch, and the listener removed", async () => {
  type Page = {
    follow: (url: string, token: () => Promise<string>, show: (data: object) => void) => Promise<void>;
  };
  const { follow } = await load<Page>("react-native", "follow.ts");
  const jobs = createRegistry();
  const job = await jobs.open("42");
  job.push({ event: "progress", data: { done: 1, total: 2 } });
  await job.end();
  const tokens: (string | null)[] = [];
  answer = (request) => {
    tokens.push(request.headers.get("authorization"));
    return toResponse(request, jobs.stream("42"));
  };
  removed = vi.fn();
  const shown: object[] = [];
  await follow(
    "http://service.test/jobs/42",
    async () => "secret",
    (data) => shown.push(data),
  );
  expect(shown).toEqual([{ done: 1, total: 2 }]);
  expect(tokens).toEqual(["Bearer secret"]);
  expect(removed).toHaveBeenCalledOnce();
});
