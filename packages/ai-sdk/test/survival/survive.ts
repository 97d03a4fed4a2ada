import type { StreamStatus } from "@holdfast/core";
import { createRegistry, type Registry } from "@holdfast/hono";
import { createFakeClock, createMemoryStore } from "@holdfast/core/testing";
import { stepCountIs, streamText, toUIMessageStream, type UIMessage } from "ai";
import { createChatTransport, pipeUIMessageStream, type UIMessageEvents } from "../../src/index.ts";
import { type ChatServer, createChatServer } from "../support/chat-server.ts";
import { createGate, createModel, type ModelPart, tools } from "../support/model.ts";
import { createNetwork } from "../support/network.ts";
import { ORIGIN } from "../support/run.ts";
import { TestChat } from "../support/test-chat.ts";
import { createLink, type Link } from "./process.ts";
import { createRandom, type Random } from "./random.ts";
import { breakSteps, randomSteps } from "./random-answer.ts";

/** What has happened in a run. */
export interface Survival {
  readonly events: readonly string[];
  readonly readers: readonly Reader[];
  /** The message that nothing has interrupted. */
  readonly uncut: UIMessage;
  readonly modelFails: boolean;
  /** Whether somebody pressed stop, or the process that writes the answer was killed or shut down. */
  readonly isStopped: boolean;
  readonly isProducerGone: boolean;
  readonly statuses: readonly StreamStatus[];
  /** How often the model was asked for a step, and how many steps there are. */
  readonly modelCalls: number;
  readonly steps: number;
  /** How often the answer was written from its beginning. */
  readonly writings: number;
}

/** A page that was not left. */
interface Reader {
  readonly name: string;
  readonly chat: TestChat;
  /** Whether it has asked, or has found an answer to resume. */
  readonly hasBegun: () => boolean;
}

interface Page extends Reader {
  readonly transport: ReturnType<typeof createChatTransport>;
  done: Promise<unknown>;
}

/** Asks once, and lets everything happen to the answer that the seed says. */
export async function survive(seed: number): Promise<Survival> {
  return new World(seed).run();
}

/** As `useChat` does after a disconnect. */
async function follow(chat: TestChat, response: Promise<void>): Promise<void> {
  await response;
  for (let tries = 0; tries < 20 && chat.outcomes.at(-1)?.isDisconnect === true; tries++) {
    if (chat.status !== "error") return;
    await chat.resumeStream();
  }
}

class World {
  readonly #random: Random;
  readonly #clock = createFakeClock();
  readonly #store = createMemoryStore({ clock: this.#clock });
  readonly #gate = createGate();
  readonly #steps: (ModelPart | Error)[][];
  readonly #modelFails: boolean;
  readonly #model: ReturnType<typeof createModel>;
  /** Writes the answers, if the processes that serve clients do not. */
  readonly #worker: Registry<UIMessageEvents> | undefined;
  readonly #registries: Registry<UIMessageEvents>[] = [];
  readonly #network: ReturnType<typeof createNetwork>;
  readonly #events: string[] = [];
  readonly #statuses: StreamStatus[] = [];
  #web: { readonly server: ChatServer; readonly link: Link };
  #pages: Page[] = [];
  #isStopped = false;
  #writings = 1;
  #isProducerGone = false;

  constructor(seed: number) {
    const random = createRandom(seed);
    this.#random = random;
    this.#steps = randomSteps(random);
    this.#modelFails = random.chance(0.15);
    if (random.chance(0.7)) this.#worker = this.#createRegistry();
    this.#model = createModel(this.#steps, this.#gate.wait);
    this.#web = this.#startWeb();
    this.#network = createNetwork(this.#web.server.handle);
  }

  async run(): Promise<Survival> {
    const uncut = await this.#readUncut();
    if (this.#modelFails) breakSteps(this.#random, this.#steps);
    const stopsAt = this.#random.chance(0.12) ? this.#random.int(40) : -1;
    this.#open("asks", (chat) => chat.ask(), []);
    for (let turn = 0; turn < 60; turn++) {
      if (turn === stopsAt) this.#stop();
      await this.#act();
    }
    await this.#finish();
    return {
      events: this.#events,
      readers: this.#pages,
      uncut,
      modelFails: this.#modelFails,
      isStopped: this.#isStopped,
      isProducerGone: this.#isProducerGone,
      statuses: this.#statuses,
      modelCalls: this.#model.doStreamCalls.length,
      steps: this.#steps.length,
      writings: this.#writings,
    };
  }

  /** The message as the SDK's reducer makes it of a stream that nothing interrupts. */
  async #readUncut(): Promise<UIMessage> {
    const chat = new TestChat({
      sendMessages: async ({ messages }) => {
        const { stream } = streamText({
          model: createModel(structuredClone(this.#steps)),
          prompt: "a",
          tools,
          stopWhen: stepCountIs(5),
        });
        return toUIMessageStream({ stream, originalMessages: messages, generateMessageId: () => "chat-1" });
      },
      reconnectToStream: async () => null,
    });
    await chat.ask();
    return chat.answer as UIMessage;
  }

  #createRegistry(link: Link = createLink(this.#store)): Registry<UIMessageEvents> {
    const registry = createRegistry<UIMessageEvents>({ ...this.#settings(), store: link.store });
    this.#registries.push(registry);
    return registry;
  }

  #settings() {
    const observer = { failed: () => undefined, warned: () => undefined };
    return { clock: this.#clock, random: this.#random, observer };
  }

  #startWeb(): { readonly server: ChatServer; readonly link: Link } {
    const link = createLink(this.#store);
    const server = createChatServer({
      ...this.#settings(),
      model: this.#model,
      tools,
      store: link.store,
      onStatus: (status) => void this.#statuses.push(status),
      ...(this.#worker && { worker: this.#worker }),
    });
    this.#registries.push(server.registry);
    return { server, link };
  }

  async #act(): Promise<void> {
    const random = this.#random;
    const dice = random();
    if (dice < 0.6) this.#gate.open();
    else if (dice < 0.7) this.#cut();
    else if (dice < 0.75) this.#reload();
    else if (dice < 0.79) this.#openSecond();
    else if (dice < 0.82) this.#kill();
    else if (dice < 0.85) this.#shutDown();
    else if (dice < 0.87) this.#loseResponse();
    else if (dice < 0.9) this.#resumeAgain();
    else if (dice < 0.91) await this.#rewrite();
    else await this.#clock.advance(random.int(5_000));
    await this.#clock.advance(random.int(20));
  }

  #openSecond(): void {
    this.#note("a second reader");
    this.#open("second reader", (chat) => chat.resumeStream(), []);
  }

  #loseResponse(): void {
    this.#note("a response is lost");
    this.#network.loseNext();
  }

  #note(event: string): void {
    this.#events.push(event);
  }

  #open(name: string, start: (chat: TestChat) => Promise<void>, history: readonly UIMessage[]): void {
    const transport = createChatTransport({
      api: `${ORIGIN}/api/chat`,
      clock: this.#clock,
      random: this.#random,
      fetch: this.#network.fetch,
    });
    const chat = new TestChat(transport, "chat", history);
    this.#pages.push({
      name,
      chat,
      transport,
      hasBegun: () => chat.outcomes.length > 0,
      done: follow(chat, start(chat)),
    });
  }

  #cut(): void {
    const part = this.#random.chance(0.5) ? this.#random() : undefined;
    this.#note(`cut ${part === undefined ? "at once" : "in the next chunk"}`);
    this.#network.cut(part);
  }

  #reload(): void {
    const page = this.#random.pick(this.#pages);
    this.#note(`${page.name} reloads`);
    this.#pages = this.#pages.filter((other) => other !== page);
    void page.chat.dispose();
    this.#open(
      `${page.name}, reloaded`,
      (chat) => chat.resumeStream(),
      page.chat.messages.slice(0, 1).filter(({ role }) => role === "user"),
    );
  }

  /** The SDK aborts the first request. */
  #resumeAgain(): void {
    const page = this.#random.pick(this.#pages);
    const { chat, name } = page;
    if (chat.status !== "streaming") return;
    this.#note(`${name} resumes again`);
    page.done = Promise.all([page.done, follow(chat, chat.resumeStream())]);
  }

  #kill(): void {
    this.#note("the server is killed");
    this.#web.link.kill();
    this.#replaceWeb();
    this.#network.cut();
  }

  #shutDown(): void {
    this.#note("the server is shut down");
    const { registry } = this.#web.server;
    this.#replaceWeb();
    void registry.close({ deadline: 1_000, spread: 100 });
  }

  #replaceWeb(): void {
    if (this.#worker === undefined) this.#isProducerGone = true;
    this.#web = this.#startWeb();
    this.#network.redirect(this.#web.server.handle);
  }

  /** A queue runs the job again, from its beginning. */
  async #rewrite(): Promise<void> {
    const worker = this.#worker;
    if (worker?.get("chat")?.status !== "live") return;
    this.#note("the answer is written again");
    this.#writings++;
    const job = await worker.open("chat", { ifExists: "replace" });
    const result = streamText({
      model: createModel(this.#steps, this.#gate.wait),
      prompt: "a",
      tools,
      stopWhen: stepCountIs(5),
      maxRetries: 0,
      abortSignal: job.signal,
      onError: () => undefined,
    });
    const question: UIMessage = { id: "q", role: "user", parts: [] };
    void pipeUIMessageStream(job, result, { originalMessages: [question] });
  }

  #stop(): void {
    this.#note("stop");
    this.#isStopped = true;
    void this.#random
      .pick(this.#pages)
      .transport.stop("chat")
      .catch(() => undefined);
  }

  async #finish(): Promise<void> {
    let isOver = false;
    const over = Promise.all(this.#pages.map(({ done }) => done)).then(() => (isOver = true));
    for (let turn = 0; !isOver && turn < 2_000; turn++) {
      this.#gate.open();
      await this.#clock.advance(turn < 400 ? 20 : 1_000);
    }
    if (!isOver) throw new Error("A page waits for ever.");
    await over;
    const closed = Promise.all(
      this.#registries.map((registry) => registry.close({ deadline: 0, spread: 0 })),
    );
    let isClosed = false;
    void closed.then(() => (isClosed = true));
    // A registry whose process was killed never gets an answer of its store.
    for (let turn = 0; !isClosed && turn < 20; turn++) await this.#clock.advance(1_000);
  }
}
