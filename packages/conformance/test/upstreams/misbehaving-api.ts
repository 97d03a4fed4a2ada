import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { onTestFinished } from "vitest";

/** What an API does with a request. It can wait until the reader of the answer has this text. */
export type Behaviour = (
  response: ServerResponse,
  api: Api,
  readerHas: (text: string) => Promise<void>,
) => Promise<void>;

/** How an API speaks. */
export interface Api {
  readonly text: (delta: string) => string;
  /** Input of a tool, which no page shows. */
  readonly toolInput: (delta: string) => string;
  /** The end without the sentinel, then that. */
  readonly end: readonly string[];
  readonly error: string;
}

const data = (value: object | string): string =>
  `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
/** Its name is in the data, too. */
const named = (type: string, fields: object = {}): string => `event: ${type}\n${data({ type, ...fields })}`;
const chunk = (delta: object, reason: string | null = null): string =>
  data({ id: "1", object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: reason }] });

export const chatCompletions: Api = {
  text: (content) => chunk({ content }),
  toolInput: (input) => chunk({ tool_calls: [{ index: 0, function: { arguments: input } }] }),
  end: [chunk({}, "stop"), data("[DONE]")],
  error: data({ error: { message: "secret", type: "server_error" } }),
};

export const responses: Api = {
  text: (delta) => named("response.output_text.delta", { delta }),
  toolInput: (delta) => named("response.function_call_arguments.delta", { delta }),
  end: [named("response.completed", { response: { status: "completed", error: null } })],
  error: named("error", { message: "secret", code: "server_error" }),
};

export const messages: Api = {
  text: (text) => named("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
  toolInput: (partial_json) =>
    named("content_block_delta", { index: 1, delta: { type: "input_json_delta", partial_json } }),
  end: [named("message_stop")],
  error: named("error", { error: { type: "overloaded_error", message: "secret" } }),
};

/** Starts an API that answers every request so, until the test is finished. Returns its base URL. */
export async function startApi(
  api: Api,
  behaviour: Behaviour,
  readerHas: (text: string) => Promise<void>,
): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    void behaviour(response, api, readerHas);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export const begin = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { "content-type": "text/event-stream" });

/** Writes one chunk after another, each in a packet of its own where the system lets it. */
export async function write(response: ServerResponse, chunks: readonly string[]): Promise<void> {
  for (const text of chunks) {
    if (!response.write(text)) await Promise.race([once(response, "drain"), once(response, "close")]);
    await turn();
  }
}
