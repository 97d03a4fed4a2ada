import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import type { BrowserContext } from "playwright-core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { findChromium } from "../../common/test/chromium.ts";
import { takeScreenshots } from "../../common/test/screenshots.ts";
import { until } from "../../common/test/until.ts";
import { createApp } from "../app.ts";
import { mockText } from "../mock-answer.ts";
import { mockModel } from "../mock-model.ts";
import { ChatPage } from "./chat-page.ts";
import { startChat } from "./start-chat.ts";
import { useBrowser } from "./use-browser.ts";

const launch = findChromium();
const screenshots = join(import.meta.dirname, "../screenshots");
const QUESTION = "What is a holdfast?";

describe.skipIf(launch === undefined)("the page of the chat", () => {
  const used = useBrowser(launch);

  /** Serves the app in this process, until the test is finished. */
  async function serveChat(tokenDelay: number): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-ai-chat-"));
    const { app, close } = createApp({
      model: mockModel(tokenDelay),
      modelName: "mock model",
      file: join(folder, "chats.db"),
      page: used.page,
    });
    const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
    if (!server.listening) await once(server, "listening");
    onTestFinished(async () => {
      await close();
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
      rmSync(folder, { recursive: true });
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function newContext(): Promise<BrowserContext> {
    const context = await used.browser.newContext({
      viewport: { width: 1280, height: 800 },
      reducedMotion: "reduce",
    });
    onTestFinished(() => context.close());
    return context;
  }

  /** Opens a chat in a context of its own. The test fails if a script of the page throws. */
  async function open(url: string): Promise<ChatPage> {
    const chat = await ChatPage.open(await newContext(), url);
    onTestFinished(() => expect(chat.errors).toEqual([]));
    return chat;
  }

  const streams = (chat: ChatPage) => until(async () => (await chat.shown()).text.length > 60);
  const isWhole = async (chat: ChatPage, question = QUESTION): Promise<void> =>
    expect(await chat.settled()).toMatchObject({
      text: mockText(question),
      state: "whole",
      proof: "right",
      alert: undefined,
    });

  test("the keyboard is enough", async () => {
    const chat = await open(await serveChat(20));
    const { keyboard } = chat.page;
    // The focus is where one writes.
    await keyboard.type("One");
    await keyboard.press("Shift+Enter");
    await keyboard.type("Two");
    await keyboard.press("Enter");
    expect(await chat.page.locator("[data-role=user] .text").textContent()).toBe("One\nTwo");
    await streams(chat);
    await keyboard.press("Escape");
    await chat.page.getByText("This answer was stopped.").waitFor();
    expect(await chat.settled()).toMatchObject({ state: "stopped", proof: "right" });

    await keyboard.type("Again");
    await chat.page.getByRole("link", { name: "New chat" }).focus();
    const focused: (string | null)[] = [];
    for (let count = 0; count < 6; count++) {
      await keyboard.press("Tab");
      focused.push(
        await chat.page.evaluate(`document.activeElement.getAttribute("aria-label")
          ?? document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent`),
      );
    }
    expect(focused).toEqual([
      "Conversation",
      "Message",
      "Send",
      "Reload the page",
      "Open a second tab",
      "Cut the connection",
    ]);
  });

  test("a screen reader hears whole sentences, and failures", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const chat = await open(await serveChat(10));
    await chat.page.evaluate(`
      window.heard = [];
      new MutationObserver((records) => {
        for (const { addedNodes } of records) for (const node of addedNodes) heard.push(node.textContent);
      }).observe(document.querySelector("[data-name=announcer]"), { childList: true })`);
    await chat.ask(QUESTION);
    await isWhole(chat);
    const heard = () => chat.page.evaluate<string[]>("heard");
    const words = (text: string): string => text.replaceAll(/\s+/g, "");
    await until(async () => words((await heard()).join("")) === words(mockText(QUESTION)));
    for (const sentence of await heard()) expect(sentence).toMatch(/[.!?:”]$/);
    const log = chat.page.getByRole("log", { name: "Conversation" });
    expect(await log.getAttribute("aria-live")).toBe("off");
    expect(await chat.page.locator("[data-name=announcer]").getAttribute("aria-live")).toBe("polite");

    // What was there when the page was loaded is not read again.
    await chat.reload();
    await isWhole(chat);
    expect(await chat.page.locator("[data-name=announcer]").textContent()).toBe("");

    await chat.ask("Please fail.");
    await chat.page.getByRole("alert").getByText("The model has failed.").waitFor();
  });

  test("a reload, a second tab and a cut connection do not show", async () => {
    const url = await serveChat(15);
    const context = await newContext();
    const chat = await ChatPage.open(context, url);
    await chat.ask(QUESTION);
    await streams(chat);
    await chat.reload();
    await streams(chat);
    const tab = await ChatPage.open(context, chat.page.url());
    await chat.click("Cut the connection");
    await chat.page.locator("[data-state=cut]").waitFor();
    await chat.click("Restore the connection");
    for (const one of [chat, tab]) {
      await isWhole(one);
      expect(one.errors).toEqual([]);
    }
    await chat.page
      .getByText(/^✓ Identical to what the model gave: (\d+) of \1 characters, asked once$/)
      .waitFor();
    await takeScreenshots(chat.page, screenshots);
  });

  test("a tab that comes back shows what another one has asked", async () => {
    const url = await serveChat(0);
    const context = await newContext();
    const chat = await ChatPage.open(context, url);
    const tab = await ChatPage.open(context, chat.page.url());
    await chat.ask(QUESTION);
    await isWhole(chat);
    await tab.page.evaluate(`document.dispatchEvent(new Event("visibilitychange"))`);
    await isWhole(tab);
  });

  test("a tab that the chat has gone on without is told, and shows what there is", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const url = await serveChat(0);
    const context = await newContext();
    const chat = await ChatPage.open(context, url);
    await chat.ask("Please fail.");
    await chat.settled();
    const tab = await ChatPage.open(context, chat.page.url());
    await chat.ask(QUESTION);
    await isWhole(chat);
    await tab.click("Try again");
    await tab.page.getByText("The chat has gone on elsewhere.").waitFor();
    await isWhole(tab);

    await chat.ask("And then?");
    await isWhole(chat, "And then?");
    await tab.ask("What else?");
    await tab.page.getByText("And then?").first().waitFor();
    await isWhole(tab, "And then?");
    // What was refused can be sent again.
    await until(async () => (await tab.page.getByLabel("Message").inputValue()) === "What else?");
    await tab.page.keyboard.press("Enter");
    await isWhole(tab, "What else?");
    for (const one of [chat, tab]) expect(one.errors).toEqual([]);
  });

  test("what is left of a failed answer never looks whole", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const chat = await open(await serveChat(0));
    await chat.ask("Please fail.");
    expect(await chat.settled()).toMatchObject({ state: "incomplete", proof: undefined });
    await chat.page.getByRole("alert").getByText("This answer is incomplete.").waitFor();
    await takeScreenshots(chat.page, join(screenshots, "failed"));

    await chat.ask(QUESTION);
    await isWhole(chat);
    const [first] = await chat.page.locator("article[data-role=assistant]").all();
    expect(await first?.getAttribute("data-state")).toBe("incomplete");
    expect(await first?.locator("[data-proof]").count()).toBe(0);

    await chat.reload();
    await isWhole(chat);
  });

  test("a killed server is an error, and the question can be asked again", async () => {
    const { url, given } = await startChat(20, used.page);
    const chat = await open(url);
    await chat.ask(QUESTION);
    await streams(chat);
    await chat.click("Kill the server");
    expect(await chat.settled()).toMatchObject({
      state: "incomplete",
      alert: "This answer is incomplete. The server was interrupted while it wrote this answer.",
    });
    await chat.reload();
    await chat.page.getByRole("alert").getByText("The server was interrupted").waitFor();
    const id = new URL(chat.page.url()).searchParams.get("chat") as string;
    expect(await given(id)).toMatchObject([{ questions: 1 }]);
    await chat.click("Try again");
    await until(async () => (await chat.shown()).alert === undefined);
    await isWhole(chat);
    expect(await given(id)).toMatchObject([{ questions: 2, calls: 2 }]);
  });

  test("a deploy lets the answer end, which the next process serves as well", async () => {
    const { url, given } = await startChat(20, used.page);
    const context = await newContext();
    const chat = await ChatPage.open(context, url);
    await chat.ask(QUESTION);
    await streams(chat);
    await chat.click("Deploy");
    await chat.page.getByText(/has taken over\.$/).waitFor();
    const tab = await ChatPage.open(context, chat.page.url());
    await chat.click("Cut the connection");
    await chat.click("Restore the connection");
    for (const one of [chat, tab]) await isWhole(one);
    const id = new URL(chat.page.url()).searchParams.get("chat") as string;
    expect(await given(id)).toMatchObject([{ questions: 1, calls: 2 }]);
  });

  test("on SIGTERM the answer ends before the process does", async () => {
    const { url, stop } = await startChat(10, used.page);
    const chat = await open(url);
    await chat.ask(QUESTION);
    await streams(chat);
    expect(await stop("SIGTERM")).toBe(0);
    await until(async () => (await chat.shown()).text === mockText(QUESTION));
    await until(async () => !(await chat.shown()).isBusy);
    expect((await chat.shown()).state).toBe("whole");
  });
});
