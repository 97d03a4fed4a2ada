import type { BrowserContext, Page } from "playwright-core";
import { until } from "../../common/test/until.ts";

/** What the last message of a page looks like. */
export interface Shown {
  readonly state: "streaming" | "incomplete" | "stopped" | "whole" | undefined;
  readonly text: string;
  /** What the page says of the comparison with the model. */
  readonly proof: "right" | "wrong" | undefined;
  readonly alert: string | undefined;
  readonly isBusy: boolean;
  readonly answers: number;
}

/** A tab with a chat. */
export class ChatPage {
  readonly page: Page;
  /** Errors that scripts of the page have thrown. */
  readonly errors: unknown[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(60_000);
    page.on("pageerror", (error) => this.errors.push(error));
  }

  static async open(context: BrowserContext, url: string): Promise<ChatPage> {
    const chat = new ChatPage(await context.newPage());
    await chat.page.goto(url);
    await chat.#loaded();
    return chat;
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.#loaded();
  }

  async ask(question: string): Promise<void> {
    await this.page.getByLabel("Message").fill(question);
    await this.page.keyboard.press("Enter");
  }

  async click(name: string): Promise<void> {
    await this.page.getByRole("button", { name, exact: true }).click();
  }

  async shown(): Promise<Shown> {
    return this.page.evaluate<Shown>(`(() => {
      const last = document.querySelector(".messages article:last-of-type");
      const answer = last?.dataset.role === "assistant" ? last : undefined;
      return {
        state: answer?.dataset.state,
        text: [...(answer?.querySelectorAll(".text") ?? [])].map((text) => text.textContent).join(""),
        proof: answer?.querySelector("[data-proof]")?.dataset.proof,
        alert: document.querySelector("[role=alert] p")?.textContent,
        isBusy: document.querySelector(".messages")?.getAttribute("aria-busy") === "true",
        answers: document.querySelectorAll("article[data-role=assistant]").length,
      };
    })()`);
  }

  /** Resolves when the answer has ended, and the page says how. */
  async settled(): Promise<Shown> {
    let shown = await this.shown();
    try {
      await until(async () => {
        shown = await this.shown();
        return !shown.isBusy && (shown.proof !== undefined || shown.alert !== undefined);
      });
    } catch (error) {
      throw new Error(`The page shows ${JSON.stringify(shown)}.`, { cause: error });
    }
    return shown;
  }

  async #loaded(): Promise<void> {
    await this.page.getByRole("log").waitFor();
  }
}
