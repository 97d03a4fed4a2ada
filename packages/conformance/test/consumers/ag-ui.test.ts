import { HttpAgent, type RunAgentResult } from "@ag-ui/client";
import { runControl } from "@holdfast/ag-ui";
import type { Control } from "@holdfast/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { turns } from "../support/turns.ts";
import { type Answer, closeRegistry, failAnswer, incompleteEndings, startAnswer } from "./answer.ts";

// Covers the option `control` of core with the client of AG-UI, which reads only `data:` lines.

/** Nothing but the end of the response says that this is not everything. */
const HALF = [
  { type: "RUN_STARTED", threadId: "thread", runId: "run" },
  { type: "TEXT_MESSAGE_START", messageId: "tale", role: "assistant" },
  { type: "TEXT_MESSAGE_CONTENT", messageId: "tale", delta: "Once upon" },
  { type: "TEXT_MESSAGE_END", messageId: "tale" },
];
const REST = [
  { type: "TEXT_MESSAGE_START", messageId: "end", role: "assistant" },
  { type: "TEXT_MESSAGE_CONTENT", messageId: "end", delta: "a time" },
  { type: "TEXT_MESSAGE_END", messageId: "end" },
  { type: "RUN_FINISHED", threadId: "thread", runId: "run" },
];

interface Run {
  readonly agent: HttpAgent;
  /** The messages of the errors that the events of the run reported. */
  readonly reported: string[];
  readonly result: Promise<RunAgentResult>;
}

function run({ url }: Answer): Run {
  const agent = new HttpAgent({ url });
  const reported: string[] = [];
  const result = agent.runAgent({}, { onRunErrorEvent: ({ event }) => void reported.push(event.message) });
  result.catch(() => undefined);
  return { agent, reported, result };
}

/** A run whose client has the first half of the answer. */
async function runToHalf(answer: Answer): Promise<Run> {
  const started = run(answer);
  await eventually(() => expect(started.agent.messages).toMatchObject([{ content: "Once upon" }]));
  return started;
}

// When a response breaks off, the client also logs that. And it cancels the body, which has failed, without a handler for
// the rejection.
beforeEach(() => {
  vi.spyOn(console, "error").mockReturnValue();
  const listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", (error, promise) => {
    if ((error as Error).message !== "terminated") for (const listener of listeners) listener(error, promise);
  });
  return async () => {
    await turns(2);
    process.removeAllListeners("unhandledRejection");
    for (const listener of listeners) process.on("unhandledRejection", listener);
  };
});
afterEach(() => vi.restoreAllMocks());

describe.each<[string, Control, string[]]>([
  ["without control events", false, []],
  ["with `runControl`", runControl, ["The answer is incomplete."]],
])("a run %s", (_name, control, errors) => {
  test.each(incompleteEndings)("rejects for an answer that is $name", async ({ name, end }) => {
    const answer = await startAnswer(control, HALF);
    const { reported, result } = await runToHalf(answer);
    await end(answer);
    await expect(result).rejects.toThrow("terminated");
    expect(reported).toEqual(name.startsWith("replaced") ? [] : errors);
  });

  test("rejects for an answer that has failed before it connects", async () => {
    const answer = await startAnswer(control, HALF);
    await failAnswer(answer);
    const { reported, result } = run(answer);
    await expect(result).rejects.toThrow("terminated");
    expect(reported).toEqual(errors);
  });

  test("rejects if it begins during a deploy", async () => {
    const answer = await startAnswer(control, HALF);
    await closeRegistry(answer);
    const { reported, result } = run(answer);
    await expect(result).rejects.toThrow("terminated");
    expect(reported).toEqual(errors);
  });

  test("resolves when an answer is done", async () => {
    const answer = await startAnswer(control, HALF);
    const { reported, result } = await runToHalf(answer);
    for (const data of REST) answer.writer.push({ data });
    await answer.writer.end();
    const { newMessages } = await result;
    expect(newMessages.map(({ content }) => content)).toEqual(["Once upon", "a time"]);
    expect(reported).toEqual([]);
  });
});

test("a run rejects for an answer whose beginning is no longer held", async () => {
  const answer = await startAnswer(runControl, [...HALF, ...REST], { buffer: { events: REST.length } });
  await answer.writer.end();
  await expect(run(answer).result).rejects.toThrow("First event must be 'RUN_STARTED'");
});
