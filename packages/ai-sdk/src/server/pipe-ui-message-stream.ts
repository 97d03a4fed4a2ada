import { HoldfastError, type StreamStatus, type StreamWriter } from "@holdfast/core";
import {
  type TextStreamPart,
  type ToolSet,
  toUIMessageStream,
  type UIMessage,
  type UIMessageChunk,
  type UIMessageStreamOptions,
} from "ai";

/** The events of an answer: the chunks of its message, without a name. The type argument of its registry. */
export interface UIMessageEvents {
  /** A chunk of the AI SDK's UI message stream. */
  readonly message: UIMessageChunk;
}

/** What {@link pipeUIMessageStream} takes: the result of `streamText`, or a UI message stream. */
export type UIMessageResult<Tools extends ToolSet = ToolSet> =
  | { readonly stream: ReadableStream<TextStreamPart<Tools>> }
  | ReadableStream<UIMessageChunk>;

/** Options of {@link pipeUIMessageStream}: those of the SDK's `toUIMessageStream`, for the result of `streamText`. */
export type PipeOptions<Message extends UIMessage> = UIMessageStreamOptions<Message>;

/** What of a writer is used. */
type Job = Pick<StreamWriter<UIMessageEvents>, "epoch" | "id" | "pipe" | "signal">;

/**
 * Pushes an answer as the chunks that a chat of the AI SDK reads, then ends the stream, as `pipe` of a writer does. An
 * answer that fails, or ends before it is complete, fails the stream; its clients get the text that `onError` makes of the
 * error. A UI message stream of your own is complete when it ends: let it throw where something is missing.
 *
 * Give `streamText` the signal of the job, or a stop does not reach the model. Give `originalMessages`, as
 * `toUIMessageStream` wants them: then a message has the same id for every reader, and after a run that is repeated.
 *
 * @returns how the stream stands: save the message only if it is `done`
 *
 * @example
 * const result = streamText({ model, messages, abortSignal: job.signal });
 * void pipeUIMessageStream(job, result, { originalMessages });
 */
export function pipeUIMessageStream<Message extends UIMessage = UIMessage, Tools extends ToolSet = ToolSet>(
  job: Job,
  result: UIMessageResult<Tools>,
  options: PipeOptions<Message> = {},
): Promise<StreamStatus> {
  // A stream, not a generator: it can be cancelled while the model is silent.
  return job.pipe(() => {
    if (!("stream" in result)) return toEvents(job, result, options.onError);
    const { parts, check } = watch(result.stream);
    const { originalMessages } = options;
    // Where the message stands in the chat: a run that is repeated replaces the message instead of adding one.
    const messageId = originalMessages === undefined ? job.epoch : `${job.id}-${originalMessages.length}`;
    const generateMessageId = (): string => messageId;
    const chunks = toUIMessageStream<Tools, Message>({ generateMessageId, ...options, stream: parts });
    return toEvents(job, chunks, options.onError, check);
  });
}

/**
 * The parts of a model's answer. When they have been read, `check` throws if the model never said that it has finished: the
 * SDK then finishes in its place.
 */
function watch<Tools extends ToolSet>(
  stream: ReadableStream<TextStreamPart<Tools>>,
): { readonly parts: ReadableStream<TextStreamPart<Tools>>; readonly check: () => void } {
  let isFinished = false;
  const parts = stream.pipeThrough(
    new TransformStream<TextStreamPart<Tools>, TextStreamPart<Tools>>({
      transform(part, controller) {
        if (part.type === "finish-step") {
          const { finishReason, rawFinishReason } = part;
          isFinished =
            finishReason !== "error" && (finishReason !== "other" || rawFinishReason !== undefined);
        }
        controller.enqueue(part);
      },
    }),
  );
  return {
    parts,
    check: () => {
      if (!isFinished) throw failure("The answer ended before it was complete.");
    },
  };
}

/** Turns chunks into events, and what is not a whole answer into a failure. */
function toEvents(
  job: Job,
  chunks: ReadableStream<UIMessageChunk>,
  onError: (error: unknown) => string = () => "An error occurred.",
  check?: () => void,
): ReadableStream<{ readonly data: UIMessageChunk }> {
  const reader = chunks.getReader();
  let isAborted = false;
  return new ReadableStream<{ readonly data: UIMessageChunk }>(
    {
      async pull(controller) {
        const { done, value: chunk } = await reader.read().catch((error: unknown) => {
          throw failure(onError(error), error);
        });
        if (done) {
          if (!job.signal.aborted) {
            if (isAborted) throw failure("The answer was stopped before it was complete.");
            check?.();
          }
          return controller.close();
        }
        if (chunk.type === "error") throw failure(chunk.errorText);
        isAborted ||= chunk.type === "abort";
        // Without an id, each reader would give the message one of its own.
        const data = chunk.type === "start" ? { ...chunk, messageId: chunk.messageId ?? job.epoch } : chunk;
        controller.enqueue({ data });
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** Retryable, so that with a `retryWindow` the answer can be written again. */
function failure(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("SOURCE_FAILED", message, { cause, retryable: true });
}
