import type { BaseEvent, HttpAgent } from "@ag-ui/client";
import { HoldfastError, type StreamStatus, type StreamWriter } from "@holdfast/core";

/** The events of a run, without a name. The type argument of its registry. */
export interface RunEvents {
  /** An event of AG-UI. */
  readonly message: BaseEvent;
}

/** What {@link pipeRun} takes: the events of a run as an agent emits them, an `Observable` of rxjs or an async iterable. */
export type RunSource = AsyncIterable<BaseEvent> | ReturnType<HttpAgent["run"]>;

/**
 * Pushes the events of a run, then ends the stream, as `pipe` of a writer does. A run that breaks off, with neither
 * `RUN_FINISHED` nor `RUN_ERROR`, fails the stream. One that reports `RUN_ERROR` itself ends it: its readers get that event.
 *
 * An agent that does not begin with `RUN_STARTED` needs `input`: clients accept nothing before that event.
 *
 * @returns how the run stands: save its messages only if it is `done`. A run that has reported `RUN_ERROR` is `failed`.
 *
 * @example
 * const job = await runs.open(input.threadId);
 * void pipeRun(job, agent.run(input), input);
 */
export function pipeRun(
  job: Pick<StreamWriter<RunEvents>, "pipe">,
  source: RunSource,
  input?: { readonly threadId: string; readonly runId: string },
): Promise<StreamStatus> {
  // A stream, not a generator: it can be cancelled while the agent is silent.
  let last: string | undefined;
  const piped = job.pipe(({ signal }) => {
    const reader = toStream(source).getReader();
    return new ReadableStream<{ readonly data: BaseEvent }>(
      {
        async pull(controller) {
          const { done, value: data } = await reader.read();
          if (done) {
            if (last !== "RUN_FINISHED" && last !== "RUN_ERROR" && !signal.aborted) throw brokenOff();
            return controller.close();
          }
          if (last === undefined && data.type !== "RUN_STARTED" && input !== undefined) {
            const { threadId, runId } = input;
            controller.enqueue({ data: { type: "RUN_STARTED", threadId, runId } as BaseEvent });
          }
          last = data.type;
          controller.enqueue({ data });
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    );
  });
  return piped.then((status) => (status === "done" && last === "RUN_ERROR" ? "failed" : status));
}

function brokenOff(): HoldfastError {
  return new HoldfastError("SOURCE_FAILED", "The run ended before it was complete.", { retryable: true });
}

function toStream(source: RunSource): ReadableStream<BaseEvent> {
  if (Symbol.asyncIterator in source) return fromIterator(source[Symbol.asyncIterator]());
  let leave: () => void;
  return new ReadableStream({
    start(controller) {
      const subscription = source.subscribe({
        next: (event) => controller.enqueue(event),
        error: (error: unknown) => controller.error(error),
        complete: () => controller.close(),
      });
      leave = () => subscription.unsubscribe();
    },
    cancel: () => leave(),
  });
}

function fromIterator(events: AsyncIterator<BaseEvent>): ReadableStream<BaseEvent> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await events.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => void (await events.return?.()),
    },
    { highWaterMark: 0 },
  );
}
