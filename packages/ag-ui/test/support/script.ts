import type { BaseEvent, Message } from "@ag-ui/client";

export const QUESTION: Message = { id: "question", role: "user", content: "Tell me a tale." };

const event = (type: string, fields: object = {}): BaseEvent => ({ type, ...fields }) as BaseEvent;

export const started = event("RUN_STARTED", { threadId: "thread", runId: "run" });
const finished = event("RUN_FINISHED", { threadId: "thread", runId: "run" });
export const failed = event("RUN_ERROR", { message: "The model is busy.", code: "BUSY" });

export const say = (messageId: string, ...words: readonly string[]): BaseEvent[] => [
  event("TEXT_MESSAGE_START", { messageId, role: "assistant" }),
  ...words.map((delta) => event("TEXT_MESSAGE_CONTENT", { messageId, delta })),
  event("TEXT_MESSAGE_END", { messageId }),
];

const call = (toolCallId: string, ...parts: readonly string[]): BaseEvent[] => [
  event("TOOL_CALL_START", { toolCallId, toolCallName: "look", parentMessageId: `of-${toolCallId}` }),
  ...parts.map((delta) => event("TOOL_CALL_ARGS", { toolCallId, delta })),
  event("TOOL_CALL_END", { toolCallId }),
  event("TOOL_CALL_RESULT", { toolCallId, messageId: `result-${toolCallId}`, content: "found" }),
];

const count = (value: number): BaseEvent[] => [
  event("STATE_DELTA", { delta: [{ op: "add", path: `/step${value}`, value }] }),
];

const step = (stepName: string, ...events: readonly BaseEvent[]): BaseEvent[] => [
  event("STEP_STARTED", { stepName }),
  ...events,
  event("STEP_FINISHED", { stepName }),
];

/** A run with everything that an agent keeps. */
export const TALE: readonly BaseEvent[] = [
  started,
  ...count(1),
  ...step("think", ...say("tale", "Once ", "upon ", "a time"), ...call("t1", '{"at":', '"sea"}')),
  ...count(2),
  ...say("end", "The ", "end."),
  finished,
];
