import { isAnswering, pipeUIMessageStream, type UIMessageEvents } from "@holdfast/ai-sdk";
import { HoldfastError, type Registry, type StreamInfo, type StreamWriter } from "@holdfast/hono";
import type { LanguageModelV4 } from "@ai-sdk/provider";
import { convertToModelMessages, type ModelMessage, stepCountIs, streamText } from "ai";
import type { ChatMessage } from "./chat.ts";
import type { Answer, ChatTable } from "./chat-table.ts";
import { readAnswer } from "./read-answer.ts";
import { recordModel } from "./record-model.ts";
import { tools } from "./tools.ts";

const STOPPED = "stopped by the user";
const INTERRUPTED = "The server was interrupted while it wrote this answer.";
const FAILED = "The model has failed.";

type Job = StreamWriter<UIMessageEvents>;
type Begun = Pick<Answer, "id" | "chat" | "message">;

/** Writes the answers of the chats, and keeps those that are whole, or that somebody has stopped. */
export class Answers {
  readonly #chats: Registry<UIMessageEvents>;
  readonly #table: ChatTable;
  readonly #model: LanguageModelV4;
  /** By chat, what ends when the table says how its last answer stands. */
  readonly #writing = new Map<string, Promise<void>>();
  /** By chat, the last question that came. */
  readonly #asking = new Map<string, Promise<boolean>>();

  constructor(chats: Registry<UIMessageEvents>, table: ChatTable, model: LanguageModelV4) {
    this.#chats = chats;
    this.#table = table;
    this.#model = model;
  }

  /**
   * Asks the model, once: a question that comes twice is the same question, unless somebody asks again after a failure.
   * Browsers send a POST again whose connection was reset.
   *
   * @param known the ids of the questions that the page shows
   * @returns whether the stream of the chat has the answer to this question; `false` if it has another one, or if the
   * chat has gone on without this page
   */
  ask(chat: string, question: ChatMessage, isAgain: boolean, known: readonly string[]): Promise<boolean> {
    // One after the other, so that the second one sees what the first one has kept.
    const asked = Promise.resolve(this.#asking.get(chat))
      .catch(() => undefined)
      .then(() => this.#ask(chat, question, isAgain, known))
      .finally(() => {
        if (this.#asking.get(chat) === asked) this.#asking.delete(chat);
      });
    this.#asking.set(chat, asked);
    return asked;
  }

  async #ask(
    chat: string,
    question: ChatMessage,
    isAgain: boolean,
    known: readonly string[],
  ): Promise<boolean> {
    await this.settle(chat);
    const stored = this.#table.messages(chat);
    const last = stored.findLast(isQuestion)?.id;
    const isWriting = this.#table.latest(chat)?.status === "writing";
    if (question.id === last && (isWriting || !isAgain)) {
      // Another process may not have opened the stream yet.
      return !isWriting || this.#writing.has(chat) || isAnswering(await this.#chats.find(chat));
    }
    if (isWriting || !isNext(question, stored, known)) return false;
    // A question that is asked again takes the place of the first one.
    const messages = [...stored.filter(({ id }) => id !== question.id), question];
    const prompt = await convertToModelMessages(messages);
    const message = `${chat}-${messages.length}`;
    // Before `open`: the next process ends what the table has.
    const id = this.#table.begin(chat, message, stored, messages);
    if (id === undefined) return false;
    const answer = { id, chat, message };
    try {
      // Where the table has no other answer, nobody writes.
      const job = await this.#chats.open(chat, { ifExists: "replace" });
      this.#track(chat, this.#write(job, answer, messages, prompt));
      return true;
    } catch (error) {
      this.#table.undo(answer, stored);
      throw error;
    }
  }

  async stop(chat: string): Promise<void> {
    this.#table.stop(chat);
    await this.#chats.cancel(chat, STOPPED, { grace: 1_000 });
  }

  /** Resolves when the table says how the last answer stands, unless it is being written. */
  async settle(chat: string): Promise<void> {
    const info = await this.#chats.find(chat);
    const isLeft = this.#isLeft(chat, info);
    if (isAnswering(info) && !isLeft) return;
    if (!this.#writing.has(chat) && isLeft) this.#track(chat, this.#endLeft(chat));
    await this.#writing.get(chat);
  }

  /** Resolves when all answers of this process are kept. */
  async settleAll(): Promise<void> {
    await Promise.all(this.#writing.values());
  }

  /** Ends the answers that an earlier process has left. To be called before the first question. */
  async recover(): Promise<void> {
    for (const { chat, writer } of this.#table.unfinished()) {
      // In a container the next process often has the same id.
      if (!isRunning(writer) || writer === process.pid) await this.#endLeft(chat);
    }
  }

  #track(chat: string, work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => console.error(`The answer of chat ${chat} could not be kept:`, error))
      .finally(() => this.#writing.delete(chat));
    this.#writing.set(chat, tracked);
  }

  async #write(
    job: Job,
    answer: Begun,
    originalMessages: ChatMessage[],
    prompt: ModelMessage[],
  ): Promise<void> {
    const { signal } = job;
    const { id, chat, message } = answer;
    const result = streamText({
      model: recordModel(this.#model, {
        onCall: () => this.#table.addCall(id),
        onText: (text) => this.#table.addText(id, text),
      }),
      instructions: "Answer in plain text, without Markdown.",
      messages: prompt,
      tools,
      stopWhen: stepCountIs(5),
      // Whoever has asked decides whether the model is asked again.
      maxRetries: 0,
      abortSignal: signal,
      // Told below.
      onError: () => undefined,
    });
    let answered: ChatMessage | undefined;
    const status = await pipeUIMessageStream(job, result, {
      originalMessages,
      generateMessageId: () => message,
      onEnd: ({ responseMessage }) => void (answered = responseMessage),
      onError: (error) => {
        console.error(`The model has failed in chat ${chat}:`, error);
        return FAILED;
      },
    });
    if (status === "done") this.#keep(answer, "done", answered);
    else if (status === "cancelled" && signal.reason === STOPPED) this.#keep(answer, "stopped", answered);
    else this.#table.end(answer, "failed", { error: status === "failed" ? FAILED : INTERRUPTED });
  }

  #keep(answer: Begun, status: "done" | "stopped", message: ChatMessage | undefined): void {
    // One that was stopped at once has no message.
    const some = message !== undefined && message.parts.length > 0 ? message : undefined;
    const kept = some && status === "stopped" ? { ...some, metadata: { isStopped: true } } : some;
    this.#table.end(answer, status, { message: kept });
  }

  /** Whether nobody writes the last answer any more, though it has not ended. */
  #isLeft(chat: string, info: StreamInfo | undefined): boolean {
    const latest = this.#table.latest(chat);
    if (latest?.status !== "writing") return false;
    // Another program may have the id of its process by now.
    return !isRunning(latest.writer) || (latest.writer !== process.pid && info?.status === "lost");
  }

  /** The model's call was lost with its process: the readers are told, and decide whether to ask again. */
  async #endLeft(chat: string): Promise<void> {
    const answer = this.#table.latest(chat) as Answer;
    const info = await this.#chats.find(chat);
    const isStopped = info?.status === "cancelled" && this.#table.isStopped(answer.id);
    if (info?.status === "done" || isStopped) {
      // It may have ended after all, and the process was killed before it could keep it.
      const status = isStopped ? "stopped" : "done";
      const message = await readAnswer(this.#chats, answer, status).catch((error: unknown) => {
        // What can never be read is not whole.
        if (HoldfastError.is(error) && error.retryable) throw error;
        return undefined;
      });
      if (message !== undefined || isStopped) return this.#keep(answer, status, message);
    }
    // A stream that has ended is not always that of this answer.
    const job = await this.#chats.open(chat, { ifExists: isAnswering(info) ? "append" : "replace" });
    await job.fail(new HoldfastError("SOURCE_FAILED", INTERRUPTED));
    this.#table.end(answer, "failed", { error: INTERRUPTED });
  }
}

function isQuestion({ role }: ChatMessage): boolean {
  return role === "user";
}

/** Whether a question continues a chat, or asks the last question again that has no answer. */
function isNext({ id }: ChatMessage, stored: readonly ChatMessage[], known: readonly string[]): boolean {
  if (stored.some((one) => one.id === id)) return stored.at(-1)?.id === id;
  const last = stored.findLast(isQuestion);
  return last === undefined || known.includes(last.id);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
