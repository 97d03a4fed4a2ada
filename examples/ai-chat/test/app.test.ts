import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createChatTransport, type UIMessageEvents } from "@holdfast/ai-sdk";
import { createRegistry, type Registry } from "@holdfast/hono";
import { sqliteStore } from "@holdfast/sqlite";
import { readUIMessageStream } from "ai";
import { expect, onTestFinished, test, vi } from "vitest";
import { Answers } from "../answers.ts";
import { type App, type AppOptions, createApp } from "../app.ts";
import { type ChatMessage, type Given, type StoredChat, textOf } from "../chat.ts";
import { ChatTable } from "../chat-table.ts";
import { mockText } from "../mock-answer.ts";
import { mockModel } from "../mock-model.ts";
import { chooseModel } from "../model.ts";

function tempFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-ai-chat-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "chats.db");
}

/** The app without a network, until the test is finished. */
function start(options: Partial<AppOptions> = {}): Client {
  const app = createApp({ model: mockModel(0), modelName: "mock", file: tempFile(), ...options });
  onTestFinished(() => app.close());
  return new Client(app);
}

class Client {
  #app: App;
  readonly #known = new Set<string>();
  readonly transport;

  constructor(app: App) {
    this.#app = app;
    this.transport = createChatTransport<ChatMessage>({
      api: "http://chat/api/chat",
      fetch: async (url, init) => this.#app.app.fetch(new Request(url, init)),
      prepareSendMessagesRequest: ({ id, messages, trigger }) => ({
        body: { id, trigger, message: messages.at(-1) as object, known: [...this.#known] },
      }),
    });
  }

  /** From now on another process answers. */
  moveTo(app: App): void {
    this.#app = app;
  }

  /** Another tab, which has no messages yet. */
  tab(): Client {
    return new Client(this.#app);
  }

  /** Asks, and returns the message when its stream has ended. */
  async ask(
    text: string,
    id = text,
    onMessage?: (message: ChatMessage) => void,
    trigger: "submit-message" | "regenerate-message" = "submit-message",
  ): Promise<ChatMessage | undefined> {
    this.#known.add(id);
    const stream = await this.transport.sendMessages({
      chatId: "chat",
      messages: [{ id, role: "user", parts: [{ type: "text", text }] }],
      trigger,
      messageId: undefined,
      abortSignal: undefined,
    });
    let last: ChatMessage | undefined;
    try {
      for await (const message of readUIMessageStream<ChatMessage>({ stream, terminateOnError: true })) {
        last = message;
        onMessage?.(message);
      }
    } catch (error) {
      // A stop, as a chat of the SDK takes it.
      if ((error as Error).name !== "AbortError") throw error;
    }
    return last;
  }

  async stored(): Promise<StoredChat> {
    return (await this.#app.app.request("/api/chat/chat")).json() as Promise<StoredChat>;
  }

  async given(): Promise<Given[]> {
    return (await this.#app.app.request("/api/chat/chat/given")).json() as Promise<Given[]>;
  }
}

test("an answer is what the model gave, with a call of the tool, and is kept as it was read", async () => {
  const client = start();
  const message = (await client.ask("How long is this?")) as ChatMessage;
  expect(textOf(message)).toBe(mockText("How long is this?"));
  expect(message.parts).toContainEqual(
    expect.objectContaining({
      type: "tool-countWords",
      input: { text: "How long is this?" },
      output: { words: 4, characters: 17 },
    }),
  );
  expect(await client.given()).toEqual([
    { message: message.id, text: mockText("How long is this?"), calls: 2, questions: 1 },
  ]);
  const { messages, status } = await client.stored();
  expect(status).toBe("done");
  expect(messages.at(-1)).toEqual(JSON.parse(JSON.stringify(message)));

  await client.ask("And this?");
  expect((await client.stored()).messages.map(({ role }) => role)).toEqual([
    "user",
    "assistant",
    "user",
    "assistant",
  ]);
});

test("a second question while an answer is written is refused, and the model is not asked", async () => {
  const client = start({ model: mockModel(20) });
  const first = client.ask("First");
  await vi.waitFor(async () => expect((await client.stored()).status).toBe("writing"));
  await expect(client.ask("Second")).rejects.toThrow();
  await client.transport.stop("chat");
  await first;
  expect(await client.given()).toHaveLength(1);
});

test("a question that a browser sends twice is asked once, and answered twice", async () => {
  const client = start();
  const [first, second] = await Promise.all([client.ask("Twice", "1"), client.ask("Twice", "1")]);
  const third = await client.ask("Twice", "1");
  for (const message of [first, second, third]) {
    expect(textOf(message as ChatMessage)).toBe(mockText("Twice"));
  }
  expect(await client.given()).toMatchObject([{ questions: 1, calls: 2 }]);
  expect((await client.stored()).messages).toHaveLength(2);
});

test("of two questions at once, one is asked", async () => {
  const client = start();
  const asked = await Promise.allSettled([client.ask("First"), client.ask("Second")]);
  expect(asked.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(await client.given()).toMatchObject([{ questions: 1, calls: 2 }]);
  expect((await client.stored()).messages).toHaveLength(2);
});

test("what has arrived of an answer that is stopped is kept, and marked", async () => {
  const client = start({ model: mockModel(20) });
  const message = (await client.ask("Stop me", "1", (part) => {
    if (textOf(part).length > 100) void client.transport.stop("chat");
  })) as ChatMessage;
  const text = textOf(message);
  expect(mockText("Stop me").startsWith(text)).toBe(true);
  const [given] = await client.given();
  expect(given?.text.startsWith(text)).toBe(true);
  const { messages, status } = await client.stored();
  expect(status).toBe("stopped");
  expect(messages.at(-1)).toMatchObject({ id: message.id, metadata: { isStopped: true } });
  expect(textOf(messages.at(-1) as ChatMessage)).toBe(text);
});

test("an answer that fails is not kept, and its question can be asked again", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const client = start();
  await expect(client.ask("Please fail", "1")).rejects.toThrow("The model has failed.");
  expect(await client.stored()).toMatchObject({ status: "failed", error: "The model has failed." });
  expect((await client.stored()).messages).toHaveLength(1);
  expect(log).toHaveBeenCalledTimes(1);
  await client.ask("Please do not", "1", undefined, "regenerate-message");
  expect((await client.stored()).messages.map(textOf)).toEqual(["Please do not", mockText("Please do not")]);
  expect((await client.given())[0]?.questions).toBe(2);
});

test("a process that ends lets its answer end", async () => {
  const file = tempFile();
  const app = createApp({ model: mockModel(2), modelName: "mock", file });
  const client = new Client(app);
  let closed: Promise<void> | undefined;
  // A page that has not read everything when the process ends reads the rest from the next one.
  const deploy = async (): Promise<void> => {
    await app.close();
    const next = createApp({ model: mockModel(0), modelName: "mock", file });
    onTestFinished(() => next.close());
    client.moveTo(next);
  };
  const message = await client.ask("Deploy", "1", () => void (closed ??= deploy()));
  await closed;
  expect(textOf(message as ChatMessage)).toBe(mockText("Deploy"));
  const next = start({ file });
  expect((await next.stored()).messages.map(textOf)).toEqual(["Deploy", mockText("Deploy")]);
});

test("a tab that the chat has gone on without can neither ask nor try again", async () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  const client = start();
  const tab = client.tab();
  await expect(client.ask("Please fail", "1")).rejects.toThrow();
  await expect(tab.ask("Please fail", "1")).rejects.toThrow();
  await client.ask("Please do not", "1", undefined, "regenerate-message");
  await expect(tab.ask("Please do not", "1", undefined, "regenerate-message")).rejects.toThrow();
  await client.ask("Second", "2");
  const { messages } = await client.stored();
  await expect(tab.ask("Please do not", "1", undefined, "regenerate-message")).rejects.toThrow();
  await expect(tab.ask("Third", "3")).rejects.toMatchObject({ cause: { status: 409 } });
  expect((await client.stored()).messages).toEqual(messages);
  await client.ask("Third", "3");
});

const QUESTION: ChatMessage = { id: "1", role: "user", parts: [{ type: "text", text: "Lost" }] };
const INTERRUPTED = "The server was interrupted while it wrote this answer.";
// 2 ** 30 is above every id that a process can have.
const LEAVE = `UPDATE answers SET status = 'writing', writer = ${2 ** 30}`;

/** Changes a file to what a kill leaves. */
function alter(file: string, sql: string): void {
  new ChatTable(file).close();
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

/** Adds an answer whose process is gone. */
function leave(file: string, messages: readonly ChatMessage[], writer = 2 ** 30): void {
  alter(
    file,
    `INSERT OR REPLACE INTO chats VALUES ('chat', '${JSON.stringify(messages)}');
    INSERT INTO answers (chat, message, status, writer) VALUES ('chat', 'chat-${messages.length}', 'writing', ${writer})`,
  );
}

/** Writes a part of an answer to a stream. */
async function writePart(file: string, end: (chats: Registry<UIMessageEvents>) => Promise<unknown>) {
  const chats = createRegistry<UIMessageEvents>({ store: sqliteStore({ path: file }) });
  const job = await chats.open("chat");
  job.push({ data: { type: "start", messageId: "chat-1" } });
  job.push({ data: { type: "text-start", id: "1" } });
  job.push({ data: { type: "text-delta", id: "1", delta: "A part" } });
  job.signal.addEventListener("abort", () => void job.end());
  await end(chats).then(() => job.end());
  await chats.close();
}

test("what a killed process has left is told as an error, once", async () => {
  const file = tempFile();
  leave(file, [QUESTION]);
  const client = start({ file });
  const failed = { status: "failed", error: INTERRUPTED, messages: [{ id: "1" }] };
  expect(await client.stored()).toMatchObject(failed);
  expect(await client.stored()).toMatchObject(failed);
  expect(await client.given()).toMatchObject([{ calls: 0 }]);
  await client.ask("Lost", "1", undefined, "regenerate-message");
  expect((await client.stored()).messages.map(textOf)).toEqual(["Lost", mockText("Lost")]);
});

test.each(["done", "stopped"])(
  "an answer that was %s when its process was killed is kept once",
  async (status) => {
    const file = tempFile();
    const app = createApp({ model: mockModel(1), modelName: "mock", file });
    const client = new Client(app);
    const stop = () => client.transport.stop("chat");
    await client.ask("Kill", "1", (part) => {
      if (status === "stopped" && textOf(part).length > 20) void stop();
    });
    const stored = await client.stored();
    await app.close();
    expect(stored.status).toBe(status);
    for (const messages of [stored.messages, stored.messages.slice(0, 1)]) {
      alter(
        file,
        `${LEAVE}; UPDATE chats SET messages = '${JSON.stringify(messages).replaceAll("'", "''")}'`,
      );
      const next = createApp({ model: mockModel(0), modelName: "mock", file });
      expect(await new Client(next).stored()).toEqual(stored);
      await next.close();
    }
  },
);

test.each([
  ["the stream says that it is done", async () => undefined],
  ["it was cancelled, but not by the user", (chats: Registry<UIMessageEvents>) => chats.cancel("chat")],
])("a part is not kept where %s", async (_, end) => {
  const file = tempFile();
  await writePart(file, end);
  leave(file, [QUESTION]);
  const client = start({ file });
  expect(await client.stored()).toMatchObject({
    status: "failed",
    error: INTERRUPTED,
    messages: [{ id: "1" }],
  });
  await client.ask("Lost", "1", undefined, "regenerate-message");
});

test("a question that was killed before its stream was there does not get the answer before it", async () => {
  const file = tempFile();
  const app = createApp({ model: mockModel(0), modelName: "mock", file });
  const first = new Client(app);
  await first.ask("First");
  const { messages } = await first.stored();
  await app.close();
  alter(file, "UPDATE answers SET message = 'chat-1'");
  leave(file, [{ ...QUESTION, id: "0" }, { ...(messages[1] as ChatMessage), parts: [] }, QUESTION]);
  const client = start({ file });
  expect(await client.stored()).toMatchObject({ status: "failed", error: INTERRUPTED });
  expect((await client.stored()).messages).toHaveLength(3);
  await expect(client.ask("Lost", "1")).rejects.toThrow(INTERRUPTED);
  await client.ask("Lost", "1", undefined, "regenerate-message");
});

test("an answer whose stream is lost has failed, even if its process seems to run", async () => {
  const file = tempFile();
  const store = sqliteStore({ path: file });
  const opened = await store.open("chat", {
    kind: "stream",
    epoch: "e",
    leaseMs: 1,
    ttlMs: 60_000,
    keep: 10,
  });
  await vi.waitFor(async () =>
    expect(await store.lost("chat", (opened as { fence: number }).fence, { status: "lost" })).toBe(true),
  );
  leave(file, [QUESTION], process.ppid);
  expect(await start({ file }).stored()).toMatchObject({ status: "failed", error: INTERRUPTED });
});

test("the table has a question and its answer before the stream is opened, and neither if it cannot be", async () => {
  const table = new ChatTable(tempFile());
  onTestFinished(() => table.close());
  let seen: unknown;
  const chats = {
    find: async () => undefined,
    open: () => {
      seen = [table.messages("chat"), table.unfinished().map(({ chat }) => chat)];
      return Promise.reject(new Error("The store is away."));
    },
  } as unknown as Registry<UIMessageEvents>;
  const answers = new Answers(chats, table, mockModel(0));
  await expect(answers.ask("chat", QUESTION, false, ["1"])).rejects.toThrow("The store is away.");
  expect(seen).toEqual([[QUESTION], ["chat"]]);
  expect([table.messages("chat"), table.latest("chat")]).toEqual([[], undefined]);
});

test("a request that is no question is refused", async () => {
  const { app, close } = createApp({ model: mockModel(0), modelName: "mock", file: tempFile() });
  onTestFinished(close);
  for (const body of ["", "{}", JSON.stringify({ id: "../x", message: {} })]) {
    expect((await app.request("/api/chat", { method: "POST", body })).status).toBe(400);
  }
});

test("any endpoint that is compatible with OpenAI's can be the model", async () => {
  const asked: unknown[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks = await Array.fromAsync(request as AsyncIterable<Buffer>);
    asked.push([
      request.url,
      request.headers.authorization,
      JSON.parse(Buffer.concat(chunks).toString()).model,
    ]);
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const [content, finish_reason] of [
      ["Hello, ", null],
      ["world.", null],
      ["", "stop"],
    ]) {
      const choice = { index: 0, delta: { content }, finish_reason };
      response.write(`data: ${JSON.stringify({ id: "1", created: 1, model: "m", choices: [choice] })}\n\n`);
    }
    response.end("data: [DONE]\n\n");
  };
  const endpoint = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(endpoint, "listening");
  onTestFinished(() => void endpoint.close());
  const { port } = endpoint.address() as AddressInfo;
  const client = start(
    chooseModel({
      OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
      OPENAI_API_KEY: "secret",
      OPENAI_MODEL: "small",
    }),
  );
  expect(textOf((await client.ask("Hi")) as ChatMessage)).toBe("Hello, world.");
  expect(asked).toEqual([["/v1/chat/completions", "Bearer secret", "small"]]);
});
