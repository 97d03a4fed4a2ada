import { get, type IncomingMessage } from "node:http";
import { type Control, openai, readEvents } from "@holdfast/core";
import { request } from "undici";
import { describe, expect, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { type Answer, closeRegistry, failAnswer, incompleteEndings, startAnswer } from "./answer.ts";

// Covers the option `control` of core, and `readEvents`, with what users write to read a response.

/** Reads a response; resolves if it takes that for complete. */
type Read = (url: string, onText: (text: string) => void) => Promise<void>;

/** These read whatever comes, so that nothing but the end of the response says whether it is complete. */
const byteReaders: Record<string, Read> = {
  async "fetch and a reader"(url, onText) {
    const { body } = await fetch(url, { method: "POST" });
    const decoder = new TextDecoder();
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onText(decoder.decode(value, { stream: true }));
    }
  },
  async "fetch and `for await`"(url, onText) {
    const { body } = await fetch(url);
    const text = (body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream());
    for await (const chunk of text) onText(chunk);
  },
  async "undici's `request`"(url, onText) {
    const { body } = await request(url, { method: "POST" });
    for await (const chunk of body.setEncoding("utf8")) onText(chunk as string);
  },
  async "node:http"(url, onText) {
    const response = await getWithNode(url);
    for await (const chunk of response.setEncoding("utf8")) onText(chunk as string);
  },
};

const isDone = ({ data }: { data: string }): boolean => data === "[DONE]";

const eventReaders: Record<string, Read> = {
  async "readEvents with `until`"(url, onText) {
    for await (const { data } of readEvents(await fetch(url), { until: isDone })) onText(data);
  },
  async "readEvents with `until`, of node:http"(url, onText) {
    for await (const { data } of readEvents(await getWithNode(url), { until: isDone })) onText(data);
  },
  async "readEvents with `openai`"(url, onText) {
    const response = await fetch(url, { method: "POST" });
    for await (const message of readEvents(response, openai)) onText(openai.text(message) ?? "");
  },
};

/** Ends a complete answer as the APIs of language models do. */
const doneSentinel: Control = ({ event, data }) =>
  event === "stream.end" && data.status === "done" ? { data: "[DONE]" } : undefined;

function getWithNode(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, resolve).on("error", reject));
}

const chunkOf = (content: string): unknown => ({ choices: [{ index: 0, delta: { content } }] });
const HALF = [chunkOf("Once upon")];

interface Reading {
  readonly name: string;
  text: string;
  readonly result: Promise<void>;
}

/** Starts all readers. */
function readAll(readers: Record<string, Read>, { url }: Answer): Reading[] {
  return Object.entries(readers).map(([name, read]) => {
    const reading: Reading = {
      name,
      text: "",
      result: read(url, (text) => void (reading.text += text)),
    };
    reading.result.catch(() => undefined);
    return reading;
  });
}

function allHave(readings: readonly Reading[], text: string): Promise<void> {
  return eventually(() => {
    for (const reading of readings) expect(reading.text, reading.name).toContain(text);
  });
}

async function finish({ writer }: Answer, control: Control): Promise<void> {
  writer.push({ data: chunkOf(" a time") });
  await writer.end(control === false ? { data: "[DONE]" } : undefined);
}

describe.each<[string, Control, Record<string, Read>]>([
  ["without control events", false, { ...byteReaders, ...eventReaders }],
  ["with a control function", doneSentinel, { ...byteReaders, ...eventReaders }],
  ["with control events, which `readEvents` understands,", true, eventReaders],
])("readers %s", (_name, control, readers) => {
  async function expectFailures(readings: readonly Reading[]): Promise<void> {
    for (const { name, result } of readings) {
      const error: unknown = await result.then(
        () => "complete",
        (reason: unknown) => reason,
      );
      expect(error, name).toBeInstanceOf(Error);
      if (name in eventReaders) expect(error, name).toMatchObject({ code: "SOURCE_FAILED" });
    }
  }

  test.each(incompleteEndings)("fail for an answer that is $name", async ({ end }) => {
    const answer = await startAnswer(control, HALF);
    const readings = readAll(readers, answer);
    await allHave(readings, "Once upon");
    await end(answer);
    await expectFailures(readings);
  });

  test("fail for an answer that has failed before they connect", async () => {
    const answer = await startAnswer(control, HALF);
    await failAnswer(answer);
    await expectFailures(readAll(readers, answer));
  });

  test("fail during a deploy", async () => {
    const answer = await startAnswer(control, HALF);
    await closeRegistry(answer);
    await expectFailures(readAll(readers, answer));
  });

  test("have all of an answer that is done", async () => {
    const answer = await startAnswer(control, HALF);
    const early = readAll(readers, answer);
    await allHave(early, "Once upon");
    await finish(answer, control);
    const readings = [...early, ...readAll(readers, answer)];
    await Promise.all(readings.map(({ result }) => result));
    await allHave(readings, "Once upon");
    await allHave(readings, " a time");
  });
});
