import { randomUUID } from "node:crypto";
import type { Browser } from "playwright-core";
import { createRandom, type Random } from "../../../packages/ai-sdk/test/survival/random.ts";
import type { Proxy } from "../../common/test/proxy.ts";
import { until } from "../../common/test/until.ts";
import { textOf } from "../chat.ts";
import { mockText } from "../mock-answer.ts";
import { ChatPage, type Shown } from "./chat-page.ts";
import type { ChatServer } from "./start-chat.ts";

/** What happened in all runs. */
export interface Tally {
  runs: number;
  reloads: number;
  secondTabs: number;
  cuts: number;
  kills: number;
  deploys: number;
  stops: number;
  /** How the questions ended. */
  whole: number;
  failed: number;
  stopped: number;
  /** Pages that have shown that. */
  pages: number;
  /** Questions that were asked again after a failure. */
  retries: number;
}

export const newTally = (): Tally => ({
  runs: 0,
  reloads: 0,
  secondTabs: 0,
  cuts: 0,
  kills: 0,
  deploys: 0,
  stops: 0,
  whole: 0,
  failed: 0,
  stopped: 0,
  pages: 0,
  retries: 0,
});

/**
 * Asks one question, and breaks what the seed says while it is answered.
 *
 * @throws Error with the seed and what has happened, if a page shows anything but the whole answer, or that there is none
 */
export async function survive(
  seed: number,
  browser: Browser,
  server: ChatServer,
  proxy: Proxy,
  tally: Tally,
): Promise<void> {
  const run = new Run(seed, server, proxy, tally);
  try {
    await run.run(browser);
  } catch (error) {
    throw new Error(`Seed ${seed}: ${String(error)}\n${run.events.join("\n")}`, { cause: error });
  }
}

class Run {
  readonly events: string[] = [];
  readonly #random: Random;
  readonly #server: ChatServer;
  readonly #proxy: Proxy;
  readonly #tally: Tally;
  readonly #chat: string = randomUUID();
  readonly #question: string;
  readonly #modelFails: boolean;
  #pages: ChatPage[] = [];
  #isKilled = false;
  #isStopped = false;

  constructor(seed: number, server: ChatServer, proxy: Proxy, tally: Tally) {
    this.#random = createRandom(seed);
    this.#server = server;
    this.#proxy = proxy;
    this.#tally = tally;
    this.#modelFails = this.#random.chance(0.1);
    this.#question = this.#modelFails ? `Please fail, number ${seed}.` : `What about number ${seed}?`;
  }

  async run(browser: Browser): Promise<void> {
    const context = await browser.newContext({ reducedMotion: "reduce" });
    try {
      const open = () => ChatPage.open(context, `${this.#proxy.url}/?chat=${this.#chat}`);
      const first = await open();
      this.#pages = [first];
      await first.ask(this.#question);
      const count = 1 + this.#random.int(4);
      for (let index = 0; index < count; index++) {
        await this.#progress();
        await this.#break(open);
      }
      await this.#check();
      for (const { errors } of this.#pages)
        assert(errors.length === 0, `a script has thrown: ${String(errors[0])}`);
      this.#tally.runs++;
    } finally {
      await context.close();
    }
  }

  /** Waits until the answer has grown, or ended. */
  async #progress(): Promise<void> {
    const page = this.#random.pick(this.#pages);
    const before = await page.shown();
    const more = this.#random.int(300);
    await until(async () => {
      const { text, isBusy, alert } = await page.shown();
      return (
        text.length >= before.text.length + more || text.length < before.text.length || !isBusy || !!alert
      );
    });
  }

  async #break(open: () => Promise<ChatPage>): Promise<void> {
    const page = this.#random.pick(this.#pages);
    const dice = this.#random();
    const name = `page ${this.#pages.indexOf(page) + 1} of ${this.#pages.length}`;
    if (dice < 0.25) {
      this.#note(`reload of ${name}`);
      this.#tally.reloads++;
      await page.reload();
    } else if (dice < 0.42) {
      this.#note("a second tab");
      await this.#asked();
      this.#tally.secondTabs++;
      this.#pages.push(await open());
    } else if (dice < 0.57) {
      this.#note(`cut by ${name}`);
      this.#tally.cuts++;
      await page.click("Cut the connection");
      await page.page.waitForTimeout(this.#random.int(400));
      await page.click("Restore the connection");
    } else if (dice < 0.72) {
      this.#note("cut by the network");
      this.#tally.cuts++;
      this.#proxy.cutAll();
    } else if (dice < 0.84) {
      this.#note("kill");
      this.#tally.kills++;
      this.#isKilled = true;
      await this.#replace(page, "Kill the server");
    } else if (dice < 0.91) {
      this.#note("deploy");
      this.#tally.deploys++;
      await this.#replace(page, "Deploy");
    } else if ((await page.shown()).isBusy) {
      this.#note(`stop by ${name}`);
      this.#tally.stops++;
      this.#isStopped = true;
      await page.page.keyboard.press("Escape");
    }
  }

  /** A tab that is opened before the server has the question shows an empty chat. */
  async #asked(): Promise<void> {
    await until(async () => this.#isKilled || (await this.#server.stored(this.#chat)).messages.length > 0);
  }

  async #replace(page: ChatPage, button: string): Promise<void> {
    await page.click(button);
    await page.page.getByText(/has taken over\.$/).waitFor();
  }

  async #check(): Promise<void> {
    const shown = await Promise.all(this.#pages.map((page) => page.settled()));
    const { status, messages } = await this.#server.stored(this.#chat);
    const given = await this.#server.given(this.#chat);
    for (const [index, one] of shown.entries()) this.#note(`page ${index + 1}: ${JSON.stringify(one)}`);
    this.#note(`server: ${status}, ${JSON.stringify(given)}`);

    // The question may have been lost with the server, before it was kept.
    const [asked] = given;
    assert(given.length <= 1 && (asked !== undefined || this.#isKilled), "the model was not asked");
    if (asked !== undefined) {
      assert(asked.questions === 1, `the model was asked ${asked.questions} times`);
      assert(asked.calls <= 2, `the model was called ${asked.calls} times for two steps`);
    }
    const whole = mockText(this.#question);
    if (asked === undefined || status === "failed") {
      assert(this.#isKilled || this.#modelFails, "it has failed for no reason");
      this.#tally.failed++;
      shown.forEach(assertFailed);
      if (asked !== undefined) await this.#tryAgain();
    } else if (status === "stopped") {
      assert(this.#isStopped, "nobody has stopped it");
      this.#tally.stopped++;
      const kept = messages.at(-1);
      const text = kept?.role === "assistant" ? textOf(kept) : "";
      assert(whole.startsWith(text), "what is kept is not the beginning of the answer");
      for (const one of shown) {
        assert(one.text === text, "a page shows another part than the one that is kept");
        assert(
          one.state === (text === "" && one.state === undefined ? undefined : "stopped"),
          "not marked as stopped",
        );
      }
    } else {
      assert(status === "done", `it is ${status}`);
      assert(!this.#modelFails, "the model has failed, and nobody was told");
      assert(asked.calls === 2, `the model was called ${asked.calls} times`);
      this.#tally.whole++;
      for (const one of shown) assertWhole(one, whole);
    }
    this.#tally.pages += shown.length;
  }

  /** Asks again, and loads the page once more. */
  async #tryAgain(): Promise<void> {
    if (this.#modelFails || this.#random.chance(0.5)) return;
    this.#tally.retries++;
    const page = this.#random.pick(this.#pages);
    await page.click("Try again");
    await until(async () => (await page.shown()).alert === undefined);
    const whole = mockText(this.#question);
    assertWhole(await page.settled(), whole);
    await page.reload();
    assertWhole(await page.settled(), whole);
    const [asked] = await this.#server.given(this.#chat);
    assert(asked?.questions === 2 && asked.calls === 2, "the model was asked more than once again");
  }

  #note(event: string): void {
    this.events.push(event);
  }
}

function assertWhole(shown: Shown, whole: string): void {
  assert(shown.alert === undefined, `an error: ${shown.alert}`);
  assert(shown.text === whole, "another text than the model gave");
  assert(
    shown.state === "whole" && shown.proof === "right",
    `it is ${shown.state}, and its proof ${shown.proof}`,
  );
  assert(shown.answers === 1, `${shown.answers} answers`);
}

function assertFailed(shown: Shown): void {
  assert(shown.alert !== undefined, "nobody was told of the failure");
  assert(shown.state === undefined || shown.state === "incomplete", `a part is ${shown.state}`);
  assert(shown.proof === undefined, "a part has a proof");
}

function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}
