import { readFileSync } from "node:fs";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import {
  createRegistry,
  encodeEvent,
  poll,
  type Registry,
  readEvents,
  type SseEvent,
  toResponse,
  withHeartbeat,
} from "../../src/app/index.ts";
import { createTestRegistry } from "../support/test-registry.ts";

/** What a beginner writes, without the help of types. */
// oxlint-disable-next-line typescript/no-explicit-any -- what JavaScript passes, which the compiler would refuse
type Untyped = any;

const jobs: Registry = createTestRegistry().registry;
const options = (given: object): Registry => createRegistry(given);
const push = (event: unknown): Uint8Array => encodeEvent(event as SseEvent);
const request = new Request("http://localhost/jobs/42");
const call = (given: unknown): Promise<Response> => toResponse(request, jobs.stream("42"), given as object);
const circular: Record<string, unknown> = { name: "job" };
circular["parent"] = circular;

/** The code as the docs show it, and what runs it. */
const MISTAKES: [code: string, run: () => unknown][] = [
  ['job.push("hello")', () => push("hello")],
  ['job.push({ type: "token", data })', () => push({ type: "token", data: 1 })],
  ["job.push(chunk), a `Buffer`", () => push(Buffer.from("hello"))],
  ["job.push([first, second])", () => push([{ data: 1 }])],
  ["job.push({})", () => push({})],
  ["job.push(nextToken())", () => push(Promise.resolve())],
  ["job.push({ data: chunk }), a `Buffer`", () => push({ data: Buffer.from("hello") })],
  ["job.push({ data: { id: 1n } })", () => push({ data: { id: 1n } })],
  ["job.push({ data: job })", () => push({ data: circular })],
  ['job.push({ event: "a\\nb" })', () => push({ event: "a\nb" })],
  ["createRegistry({ heartBeat: 15_000 })", () => options({ heartBeat: 15_000 })],
  ["createRegistry({ maxEventSize: 1_000 })", () => options({ maxEventSize: 1_000 })],
  ["createRegistry({ buffer: 500 })", () => options({ buffer: 500 })],
  ["createRegistry({ heartbeat: false })", () => options({ heartbeat: false })],
  [
    "createRegistry({ heartbeat: 15 })",
    () => warningOf((observer) => createRegistry({ heartbeat: 15, observer })),
  ],
  ["createRegistry({ observer: { onFailed } })", () => options({ observer: { onFailed: () => 1 } })],
  ['sse(c, jobs.stream(id), { form: "now" })', () => call({ form: "now" })],
  ['sse(c, jobs.open("42"))', () => toResponse(request, Promise.resolve() as Untyped)],
  [
    "toResponse(req, source), Node's `req`",
    () => toResponse(new IncomingMessage(new Socket()) as Untyped, jobs.stream("42")),
  ],
  ["jobs.subscribe(id, { lastEventId })", () => jobs.subscribe("42", { lastEventId: "7" } as object)],
  ['jobs.channel("")', () => jobs.channel("")],
  [
    'job.push({ event: "error", data })',
    () =>
      warningOf(async (observer) => {
        const job = await createRegistry({ observer }).open("42");
        job.push({ event: "error", data: 1 });
      }),
  ],
  ['new EventSource("/jobs/null")', waitInVain],
];

interface Warned {
  readonly warned: (info: { readonly message: string }) => void;
}

async function warningOf(run: (observer: Warned) => unknown): Promise<string> {
  const messages: string[] = [];
  await run({ warned: ({ message }) => void messages.push(message) });
  return `warned: ${messages.join()}`;
}

async function waitInVain(): Promise<string> {
  const { connect, clock, observed } = createTestRegistry();
  connect("null");
  await clock.advance(90_000);
  return `warned, after \`wait\`: ${observed.warned.map(({ message }) => message).join()}`;
}

async function messageOf(run: () => unknown): Promise<string> {
  try {
    const result = await run();
    return typeof result === "string" ? result : "no error";
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `\`${code}\`: ${message}`;
  }
}

const cell = (text: string): string => text.replaceAll("|", String.raw`\|`);

test("each mistake of a beginner gets the message that the docs show", async () => {
  const rows = await Promise.all(
    MISTAKES.map(async ([code, run]) => {
      const [written, ...note] = code.split(/,(?= a `| Node's `)/);
      return `| \`${written}\`${note.length > 0 ? `,${note.join(",")}` : ""} | ${cell(await messageOf(run))} |`;
    }),
  );
  const table = ["| code | what it gets |", "|---|---|", ...rows].join("\n");
  console.log(table);
  expect(rows.length).toBeGreaterThanOrEqual(20);
  expect(rows.filter((row) => row.includes("no error") || row.includes("undefined"))).toEqual([]);
  const page = readFileSync(new URL("../../../../docs/mistakes.md", import.meta.url), "utf8");
  expect(page).toContain(table);
});

test.each<[string, () => unknown]>([
  ["createRegistry", () => options({ bufffer: {} })],
  ["buffer", () => options({ buffer: { event: 5 } })],
  ["open", () => jobs.open("o1", { linge: 5 } as object)],
  ["open, in buffer", () => jobs.open("o2", { buffer: { byte: 5 } } as object)],
  ["stream", () => jobs.stream("a", { form: "now" } as object)],
  ["subscribe", () => jobs.subscribe("a", { singal: 1 } as object)],
  ["cancel", () => jobs.cancel("a", "", { grase: 1 } as object)],
  ["close", () => createRegistry().close({ deadlin: 1 } as object)],
  ["fail", async () => (await jobs.open("o3")).fail(new Error("x"), { retryWithn: 1 } as object)],
  ["a call with a stream", () => call({ heartBeat: 1 })],
  ["a call with a bare source", () => toResponse(request, () => undefined, { heartBeat: 1 } as object)],
  ["poll", () => poll({ read: () => null, intervall: 1 } as object as Untyped)],
  ["poll, in backoff", () => poll({ read: () => null, backoff: { bas: 1 } } as object as Untyped)],
  ["withHeartbeat", () => withHeartbeat(new ReadableStream(), { intervall: 1 } as object)],
  ["readEvents", () => readEvents(new Response(""), { maxEventBytes: 1 } as object)],
])("an unknown option is refused at every place: %s", async (_, run) => {
  const attempt = async (): Promise<unknown> => run();
  await expect(attempt()).rejects.toMatchObject({
    code: "INVALID_OPTION",
    message: expect.stringContaining("is not an option") as string,
    expose: false,
  });
});

test("a call with a stream goes on ignoring the options of bare sources", async () => {
  const { registry, connect } = createTestRegistry();
  const job = await registry.open("a");
  job.push({ data: 1 });
  const ignored = {
    clock: 1,
    random: 1,
    observer: { faild: () => 1 },
    buffer: { bytes: -1 },
    maxEventBytes: -1,
  };
  expect(connect("a", { serve: ignored as Untyped }).events).toEqual([1]);
});

test.each(["", "a\nb", "x".repeat(257), undefined, 5, null])(
  "%j is refused as the id of a stream",
  async (given) => {
    const id = given as string;
    const invalid = expect.objectContaining({ code: "INVALID_OPTION" }) as Error;
    const { registry } = createTestRegistry();
    await expect(registry.open(id)).rejects.toEqual(invalid);
    await expect(registry.cancel(id)).rejects.toEqual(invalid);
    await expect(registry.find(id)).rejects.toEqual(invalid);
    expect(() => registry.channel(id)).toThrow(invalid);
    expect(() => registry.subscribe(id)).toThrow(invalid);
  },
);

test.each<[string, unknown]>([
  ["a promise of a stream", Promise.resolve()],
  ["a bare source", (): void => undefined],
])("%s is not what `subscribe` reads", (_, source) => {
  expect(() => jobs.subscribe(source as string)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
});

test("`pipe` says that its source has to be awaited", async () => {
  const { registry, connect, clock } = createTestRegistry();
  const job = await registry.open("a");
  const rejected = expect(registry.subscribe("a").next()).rejects.toMatchObject({
    message: expect.stringContaining("awaited first") as string,
  });
  void job.pipe(Promise.resolve([]) as Untyped);
  await clock.flush();
  await rejected;
  expect(connect("a").text).not.toContain("awaited");
});

test("an observer may have fields and functions of its own", () => {
  class Metrics {
    pushes = 0;
    pushed(): void {
      this.pushes++;
    }
    render(): string {
      return `pushes ${this.pushes}`;
    }
  }
  createRegistry({ observer: new Metrics() });
  options({ observer: Object.assign(Object.create(null) as object, { logger: () => 1, faild: 5 }) });
  expect(() => options({ observer: console })).toThrow("`observer.warn` is not a callback");
  class Typo extends Metrics {
    faild(): void {
      this.pushes--;
    }
  }
  expect(() => options({ observer: new Typo() })).toThrow("Did you mean `observer.failed`?");
});
