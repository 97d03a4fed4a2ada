/*
 * Bodies in the form that the APIs send, shortened: some fields that nothing here reads are left out.
 */

const data = (...values: readonly (object | string)[]): string[] =>
  values.map((value) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`);

type Typed = Readonly<Record<string, unknown>> & { readonly type: string };

const named = (...values: readonly Typed[]): string[] =>
  values.map((value) => `event: ${value.type}\n${data(value).join("")}`);

const chatChunk = (fields: object): object => ({
  id: "chatcmpl-CkYq",
  object: "chat.completion.chunk",
  created: 1_764_460_800,
  model: "gpt-5-mini-2025-08-07",
  service_tier: "default",
  system_fingerprint: null,
  ...fields,
});

const chatDelta = (delta: object, finish: string | null = null): object =>
  chatChunk({ choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], usage: null });

/** OpenAI, `POST /v1/chat/completions` with `stream_options: { include_usage: true }`. */
export const chatCompletion = data(
  chatDelta({ role: "assistant", content: "", refusal: null }),
  chatDelta({ content: "Hello" }),
  chatDelta({ content: " there" }),
  chatDelta({}, "stop"),
  chatChunk({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 } }),
  "[DONE]",
);

/** An error in the middle of a chat completion. */
export const chatError = data({
  error: {
    message: "The server had an error while processing your request. Request id: req_9d1f, org-7Qx2.",
    type: "server_error",
    param: null,
    code: null,
  },
});

/** An error in the middle, as a gateway before many models sends it. */
export const gatewayError = data(
  chatChunk({
    error: { code: 502, message: "Provider disconnected" },
    choices: [{ index: 0, delta: { content: "" }, finish_reason: "error" }],
  }),
);

const response = (fields: object): object => ({
  id: "resp_68af",
  object: "response",
  status: "in_progress",
  error: null,
  incomplete_details: null,
  model: "gpt-5-mini-2025-08-07",
  output: [],
  usage: null,
  ...fields,
});

const responseStart = named(
  { type: "response.created", sequence_number: 0, response: response({}) },
  { type: "response.in_progress", sequence_number: 1, response: response({}) },
  { type: "response.output_item.added", sequence_number: 2, output_index: 0, item: { type: "message" } },
  { type: "response.output_text.delta", sequence_number: 3, content_index: 0, delta: "Hello" },
  { type: "response.output_text.delta", sequence_number: 4, content_index: 0, delta: " there" },
  { type: "response.output_text.done", sequence_number: 5, content_index: 0, text: "Hello there" },
);

const responseEnd = (type: string, fields: object): string[] =>
  named({ type, sequence_number: 6, response: response(fields) });

const responseUsage = { input_tokens: 12, output_tokens: 4, total_tokens: 16 };

/** OpenAI, `POST /v1/responses`. */
export const openaiResponse = [
  ...responseStart,
  ...responseEnd("response.completed", { status: "completed", usage: responseUsage }),
];

export const openaiResponseCutShort = [
  ...responseStart,
  ...responseEnd("response.incomplete", {
    status: "incomplete",
    incomplete_details: { reason: "max_output_tokens" },
    usage: responseUsage,
  }),
];

export const openaiResponseFailed = [
  ...responseStart,
  ...responseEnd("response.failed", {
    status: "failed",
    error: { code: "server_error", message: "The model failed to generate a response." },
  }),
];

export const openaiResponseError = [
  ...responseStart,
  ...named({
    type: "error",
    sequence_number: 6,
    code: "invalid_prompt",
    message: "Invalid prompt.",
    param: null,
  }),
];

const messageDelta = (index: number, delta: object): Typed => ({ type: "content_block_delta", index, delta });

const anthropicStart = named(
  {
    type: "message_start",
    message: {
      id: "msg_01Xq",
      type: "message",
      role: "assistant",
      model: "claude-sonnet-4-5-20250929",
      content: [],
      stop_reason: null,
      usage: {
        input_tokens: 25,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 1_000,
        output_tokens: 1,
      },
    },
  },
  { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "" } },
  { type: "ping" },
  messageDelta(0, { type: "thinking_delta", thinking: "They greet me." }),
  messageDelta(0, { type: "signature_delta", signature: "EqQBCgIYAhIM" }),
  { type: "content_block_stop", index: 0 },
  { type: "content_block_start", index: 1, content_block: { type: "text", text: "" } },
  messageDelta(1, { type: "text_delta", text: "Hello" }),
  messageDelta(1, { type: "text_delta", text: " there" }),
);

/** Anthropic, `POST /v1/messages`. */
export const anthropicMessage = [
  ...anthropicStart,
  ...named(
    { type: "content_block_stop", index: 1 },
    {
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: 15 },
    },
    { type: "message_stop" },
  ),
];

export const anthropicOverloaded = [
  ...anthropicStart,
  ...named({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }),
];

export const anthropicInvalid = named({
  type: "error",
  error: { type: "invalid_request_error", message: "prompt is too long" },
});
