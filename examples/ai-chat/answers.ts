import { isAnswering, isBusy, pipeUIMessageStream, type UIMessageEvents } from "@holdfast/ai-sdk";
import { HoldfastError, type Registry, type StreamWriter } from "@holdfast/hono";
import type { LanguageModelV4 } from "@ai-sdk/provider";
import {
  convertToModelMessages,
  type ModelMessage,
  readUIMessageStream,
  stepCountIs,
  streamText,
  type UIMessageChunk,
} from "ai";
import type { ChatMessage } from "./chat.ts";
import type { ChatTable } from "./chat-table.ts";
import { recordModel } from "./record-model.ts";
import { tools } from "./tools.ts";

const STOPPED = "stopped by the user";
const INTERRUPTED = "The server was interrupted while it wrote this answer.";
const FAILED = "The model has failed.";

type Job = StreamWriter<UIMessageEvents>;

/** Writes the answers of the chats, and keeps those that are whole, or that somebody has stopped. */
export class Answers {
  readonly #chats: Registry<UIMessageEvents>;
  readonly #table: ChatTable;
  readonly #model: LanguageModelV4;
  /** By chat, what ends when the table says how its last answer stands. */
  readonly #writing = new Map<string, Promise<void>>();

  readonly #asking = new Map<string, Promise<boolean>>();

  constructor(chats: Registry<UIMessageEvents>, table: ChatTable, model: LanguageModelV4) {
    this.#chats = chats;
    this.#table = table;
    this.#model = model;
  }

  /**
   * Asks the model, once: a question that comes twice is the same question, unless somebody asks for another answer.
   * Browsers send a POST again whose connection was reset.
   *
   * @returns whether the stream of the chat has the answer to this question; `false` if it has another one
   */
  ask(chat: string, question: ChatMessage, isAgain: boolean): Promise<boolean> {
    // One after the other, so that the second one sees what the first one has kept.
    const asked = Promise.resolve(this.#asking.get(chat))
      .catch(() => undefined)
      .then(() => this.#ask(chat, question, isAgain))
      .finally(() => {
        if (this.#asking.get(chat) === asked) this.#asking.delete(chat);
      });
    this.#asking.set(chat, asked);
    return asked;
  }

  async #ask(chat: string, question: ChatMessage, isAgain: boolean): Promise<boolean> {
    await this.settle(chat);
    const stored = this.#table.messages(chat);
    const place = stored.findIndex(({ id }) => id === question.id);
    // Also one that another process is about to keep.
    const isWriting = this.#table.latest(chat)?.status === "writing";
    if (place >= 0 && (isWriting || !isAgain)) return stored.findLast(isQuestion)?.id === question.id;
    if (isWriting) return false;
    // A question that is asked again takes the place of the first one, and of what came after it.
    const messages = [...(place < 0 ? stored : stored.slice(0, place)), question];
    // Before `open`: nobody would end the stream if it throws.
    const prompt = await convertToModelMessages(messages);
    try {
      const job = await this.#chats.open(chat);
      this.#track(chat, this.#write(job, messages, prompt));
      return true;
    } catch (error) {
      // Another process was faster.
      if (isBusy(error)) return false;
      throw error;
    }
  }

  async stop(chat: string): Promise<void> {
    await this.#chats.cancel(chat, STOPPED, { grace: 1_000 });
  }

  /** Resolves when the table says how the last answer stands, unless it is being written. */
  async settle(chat: string): Promise<void> {
    if (isAnswering(await this.#chats.find(chat)) && !this.#isLeft(chat)) return;
    if (!this.#writing.has(chat) && this.#isLeft(chat)) this.#track(chat, this.#endLeft(chat));
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

  async #write(job: Job, originalMessages: ChatMessage[], prompt: ModelMessage[]): Promise<void> {
    const { id: chat, signal } = job;
    const messageId = `${chat}-${originalMessages.length}`;
    this.#table.save(chat, originalMessages);
    const answer = this.#table.begin(chat, messageId);

    const result = streamText({
      model: recordModel(this.#model, {
        onCall: () => this.#table.addCall(answer),
        onText: (text) => this.#table.addText(answer, text),
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
      generateMessageId: () => messageId,
      onEnd: ({ responseMessage }) => void (answered = responseMessage),
      onError: (error) => {
        console.error(`The model has failed in chat ${chat}:`, error);
        return FAILED;
      },
    });
    if (status === "done") this.#keep(chat, answer, "done", answered);
    else if (status === "cancelled" && signal.reason === STOPPED) {
      this.#keep(chat, answer, "stopped", answered);
    } else this.#table.end(answer, "failed", status === "failed" ? FAILED : INTERRUPTED);
  }

  #keep(chat: string, answer: number, status: "done" | "stopped", message: ChatMessage | undefined): void {
    // One that was stopped at once has no message.
    if (message !== undefined && message.parts.length > 0) {
      const kept = status === "stopped" ? { ...message, metadata: { isStopped: true } } : message;
      this.#table.save(chat, [...this.#table.messages(chat), kept]);
    }
    this.#table.end(answer, status);
  }

  /** The message of an answer that has ended, of what its readers got. */
  async #read(chat: string): Promise<ChatMessage | undefined> {
    const stream = ReadableStream.from(this.#chunks(chat));
    let last: ChatMessage | undefined;
    for await (const message of readUIMessageStream<ChatMessage>({ stream })) last = message;
    return last;
  }

  async *#chunks(chat: string): AsyncGenerator<UIMessageChunk> {
    try {
      for await (const { data } of this.#chats.subscribe(chat)) yield JSON.parse(data) as UIMessageChunk;
    } catch (error) {
      if (!HoldfastError.is(error) || error.code !== "CANCELLED") throw error;
    }
  }

  /** Whether the process that writes the last answer is gone. */
  #isLeft(chat: string): boolean {
    const latest = this.#table.latest(chat);
    return latest?.status === "writing" && !isRunning(latest.writer);
  }

  /** The model's call was lost with its process: the readers are told, and decide whether to ask again. */
  async #endLeft(chat: string): Promise<void> {
    const { id } = this.#table.latest(chat) as { id: number };
    try {
      const job = await this.#chats.open(chat, { ifExists: "append" });
      await job.fail(new HoldfastError("SOURCE_FAILED", INTERRUPTED));
      this.#table.end(id, "failed", INTERRUPTED);
    } catch (error) {
      if (!HoldfastError.is(error) || error.code !== "STREAM_ENDED") throw error;
      // It had ended after all, and the process was killed before it could keep it.
      const info = await this.#chats.find(chat);
      this.#keep(chat, id, info?.status === "done" ? "done" : "stopped", await this.#read(chat));
    }
  }
}

function isQuestion({ role }: ChatMessage): boolean {
  return role === "user";
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
