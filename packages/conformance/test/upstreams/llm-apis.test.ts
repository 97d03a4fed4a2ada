// Covers `textDeltas`, `readEvents` and the profiles of core with APIs that misbehave, read by `fetch` and by the official SDKs.

import { readFile } from "node:fs/promises";
import Anthropic from "@anthropic-ai/sdk";
import {
  anthropic,
  createRegistry,
  type HoldfastError,
  openai,
  textDeltas,
  type UpstreamProfile,
} from "@holdfast/core";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import {
  type Api,
  begin,
  type Behaviour,
  chatCompletions,
  messages,
  responses,
  startApi,
  write,
} from "./misbehaving-api.ts";

type Ask = (baseURL: string, signal: AbortSignal) => Promise<Response | AsyncIterable<unknown>>;

const KEY = { apiKey: "key", maxRetries: 0 };
const prompt = [{ role: "user" as const, content: "Hello" }];

const askByFetch: Ask = (url, signal) => fetch(url, { method: "POST", signal });
const clients: [string, Api, UpstreamProfile, Ask][] = [
  ["chat completions, by fetch", chatCompletions, openai, askByFetch],
  ["responses, by fetch", responses, openai, askByFetch],
  ["messages, by fetch", messages, anthropic, askByFetch],
  [
    "chat completions, by the SDK of OpenAI",
    chatCompletions,
    openai,
    async (baseURL, signal) =>
      new OpenAI({ ...KEY, baseURL }).chat.completions.create(
        { model: "m", messages: prompt, stream: true },
        { signal },
      ),
  ],
  [
    "responses, by the SDK of OpenAI",
    responses,
    openai,
    async (baseURL, signal) =>
      new OpenAI({ ...KEY, baseURL }).responses.create(
        { model: "m", input: "Hello", stream: true },
        { signal },
      ),
  ],
  [
    "messages, by the SDK of Anthropic",
    messages,
    anthropic,
    async (baseURL, signal) =>
      new Anthropic({ ...KEY, baseURL }).messages.create(
        { model: "m", max_tokens: 9, messages: prompt, stream: true },
        { signal },
      ),
  ],
];

const LONG = Array.from({ length: 20_000 }, (_, index) => `word${index} `);

/** A row of the table in docs/llm-answers.md: what the upstream does, and what the reader sees. */
interface Row {
  readonly upstream: string;
  readonly reader: string;
  readonly behave: Behaviour;
  readonly text: string;
  readonly retryAfter?: number;
}

const half = ["Hello ", "there"];
const refuse =
  (status: number, headers: Record<string, string>): Behaviour =>
  async (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify({ type: "error", error: { type: "x", message: "secret" } }));
  };

const rows: Row[] = [
  {
    upstream: "answers",
    reader: "the text, then the end",
    text: "Hello there",
    behave: async (response, { text, end }) => {
      await write(begin(response), [...half.map(text), ...end]);
      response.end();
    },
  },
  {
    upstream: "pauses between its pieces, and in the middle of one",
    reader: "each piece when it is complete, then the end",
    text: "Hello there",
    behave: async (response, { text, end }, readerHas) => {
      const [first, second] = half.map(text) as [string, string];
      await write(begin(response), [first, second.slice(0, 20)]);
      await readerHas("Hello ");
      await write(response, [second.slice(20)]);
      await readerHas("Hello there");
      await write(response, end);
      response.end();
    },
  },
  {
    upstream: "ends without its sentinel",
    reader: "the text so far, then a failure that is retryable",
    text: "Hello there",
    behave: async (response, { text }) => {
      await write(begin(response), half.map(text));
      response.end();
    },
  },
  {
    upstream: "reports an error in the middle",
    reader: "the text so far, then a failure that is retryable",
    text: "Hello there",
    behave: async (response, { text, error }) => {
      await write(begin(response), [...half.map(text), error]);
      response.end();
    },
  },
  {
    upstream: "is cut",
    reader: "the text so far, then a failure that is retryable",
    text: "Hello there",
    behave: async (response, { text }) => {
      await write(begin(response), half.map(text));
      // What was written has to arrive first.
      response.write(": cut\n\n", () => setImmediate(() => response.destroy()));
    },
  },
  {
    upstream: "refuses with 429",
    reader: "a failure that is retryable, after the upstream's `Retry-After`",
    text: "",
    retryAfter: 7_000,
    behave: refuse(429, { "retry-after": "7" }),
  },
  {
    upstream: "refuses with 529",
    reader: "a failure that is retryable",
    text: "",
    behave: refuse(529, {}),
  },
  {
    upstream: "refuses with 400",
    reader: "a failure that is final",
    text: "",
    behave: refuse(400, {}),
  },
  {
    upstream: "sends a huge input of a tool",
    reader: "the text, then the end",
    text: "Hello there",
    behave: async (response, { text, toolInput, end }) => {
      await write(begin(response), [...half.map(text), toolInput("x".repeat(600_000)), ...end]);
      response.end();
    },
  },
  {
    upstream: "sends 20,000 tokens",
    reader: "the text, then the end",
    text: LONG.join(""),
    behave: async (response, { text, end }) => {
      await write(begin(response), [
        ...Array.from({ length: 100 }, (_, index) =>
          LONG.slice(200 * index, 200 * (index + 1))
            .map(text)
            .join(""),
        ),
        ...end,
      ]);
      response.end();
    },
  },
];

async function read(api: Api, profile: UpstreamProfile, ask: Ask, behave: Behaviour) {
  const failed: unknown[] = [];
  const warned: unknown[] = [];
  const registry = createRegistry<{ token: string }>({
    observer: { failed: ({ error }) => void failed.push(error), warned: (info) => void warned.push(info) },
  });
  let text = "";
  const url = await startApi(api, behave, (expected) => eventually(() => expect(text).toBe(expected)));
  const job = await registry.open("1");
  let signal: AbortSignal | undefined;
  const status = job.pipe((context) => {
    signal = context.signal;
    return textDeltas(ask(url, context.signal), profile, { event: "token" });
  });
  const reading = (async (): Promise<HoldfastError | undefined> => {
    try {
      for await (const { data } of registry.subscribe("1")) text += data;
      return undefined;
    } catch (error) {
      return error as HoldfastError;
    }
  })();
  return { registry, status, reading, failed, warned, text: () => text, isAborted: () => signal?.aborted };
}

describe.each(clients)("%s", (_name, api, profile, ask) => {
  test.each(rows)("an upstream that $upstream: $reader", async ({ behave, text, reader, retryAfter }) => {
    const answer = await read(api, profile, ask, behave);
    const error = await answer.reading;
    expect(answer.text()).toBe(text);
    expect(answer.warned).toEqual([]);
    if (reader.endsWith("the end")) {
      expect(error).toBeUndefined();
      expect(await answer.status).toBe("done");
      return;
    }
    expect(await answer.status).toBe("failed");
    expect(error).toMatchObject({ code: "SOURCE_FAILED", retryable: !reader.includes("final") });
    expect(error?.retryAfter).toBe(retryAfter);
    expect(error?.message).not.toContain("secret");
  });

  test("a stop ends the request, without a warning or a failure", async () => {
    let isLeft = false;
    const answer = await read(api, profile, ask, async (response, { text }) => {
      response.on("close", () => void (isLeft = true));
      await write(begin(response), half.map(text));
    });
    await eventually(() => expect(answer.text()).toBe("Hello there"));
    await answer.registry.cancel("1");
    expect(await answer.status).toBe("cancelled");
    expect(await answer.reading).toMatchObject({ code: "CANCELLED" });
    await eventually(() => expect(isLeft).toBe(true));
    expect([answer.failed, answer.warned]).toEqual([[], []]);
  });
});

test("docs/llm-answers.md has this table", async () => {
  const docs = await readFile(new URL("../../../../docs/llm-answers.md", import.meta.url), "utf8");
  for (const { upstream, reader } of rows) expect(docs).toContain(`| ${upstream} | ${reader} |`);
});
