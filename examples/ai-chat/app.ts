import { serveStatic } from "@hono/node-server/serve-static";
import { isAnswering, type UIMessageEvents } from "@holdfast/ai-sdk";
import { createRegistry, HoldfastError, readCursor, sse } from "@holdfast/hono";
import { sqliteStore } from "@holdfast/sqlite";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { z } from "zod";
import { processRoutes, type ProcessRoutesOptions } from "../common/process-routes.ts";
import { Answers } from "./answers.ts";
import type { ChatMessage, StoredChat } from "./chat.ts";
import { ChatTable } from "./chat-table.ts";
import type { ChosenModel } from "./model.ts";

export interface AppOptions extends ChosenModel, ProcessRoutesOptions {
  /** The file of the chats and of their streams. */
  readonly file: string;
  /** The folder of the built page. */
  readonly page?: string;
}

/** For how long a process that ends lets its answers run on, in ms. */
const GRACE = 120_000;

const ask = z.object({
  id: z.string().regex(/^[\w-]{1,64}$/),
  trigger: z.enum(["submit-message", "regenerate-message"]),
  message: z.object({
    id: z.string().min(1).max(64),
    role: z.literal("user"),
    parts: z
      .array(z.object({ type: z.literal("text"), text: z.string().min(1).max(8_000) }))
      .min(1)
      .max(4),
  }),
  /** The ids of the last questions that the page shows. */
  known: z.array(z.string().max(64)).max(20),
});

export interface App {
  readonly app: Hono;
  /** Ends the answers that an earlier process has left. To be called before the first request. */
  readonly recover: () => Promise<void>;
  /** Lets the answers that are being written end, then asks all readers to connect to another process. */
  readonly close: () => Promise<void>;
}

/** A chat: its page, its messages, and a stream for each answer, whose id is that of the chat. */
export function createApp({ model, modelName, file, page, kill, retire }: AppOptions): App {
  const table = new ChatTable(file);
  const chats = createRegistry<UIMessageEvents>({
    store: sqliteStore({ path: file }),
    // No page shows what the next process would not know of.
    durability: "stored",
    observer: {
      failed: ({ stage, id, error }) => {
        // What the model does wrong is logged where it is called.
        if (stage !== "source") console.error(`${stage} failed, chat ${id}:`, error);
      },
    },
  });
  const answers = new Answers(chats, table, model);
  const app = new Hono();

  app.get("/api/chat/:id", async (c) => {
    const id = c.req.param("id");
    await answers.settle(id);
    const { status = "done", error } = table.latest(id) ?? {};
    const stored: StoredChat = {
      messages: table.messages(id),
      status,
      ...(error !== undefined && { error }),
      modelName,
    };
    return c.json(stored);
  });

  app.post("/api/chat", bodyLimit({ maxSize: 64 * 1024 }), async (c) => {
    const { success, data } = ask.safeParse(await c.req.json().catch(() => undefined));
    if (!success) throw new HTTPException(400, { message: "That is not a question." });
    const { id, message, trigger, known } = data;
    const isAgain = trigger === "regenerate-message";
    const isAsked = await answers.ask(id, message as ChatMessage, isAgain, known);
    if (!isAsked) throw new HTTPException(409, { message: "The chat has gone on." });
    return sse(c, chats.stream(id));
  });

  app.get("/api/chat/:id/stream", async (c) => {
    const id = c.req.param("id");
    const cursor = readCursor(c.req.header("last-event-id"), c.req.url);
    // There is nothing to resume.
    if (cursor === undefined && !isAnswering(await chats.find(id))) return c.body(null, 204);
    return sse(c, chats.stream(id));
  });

  app.post("/api/chat/:id/stop", async (c) => {
    await answers.stop(c.req.param("id"));
    return c.body(null, 204);
  });

  app.get("/api/chat/:id/given", async (c) => {
    const id = c.req.param("id");
    await answers.settle(id);
    return c.json(table.given(id));
  });

  app.route("/", processRoutes({ kill, retire }));
  if (page !== undefined) app.use(serveStatic({ root: page }));

  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.text(error.message, error.status);
    if (HoldfastError.is(error) && error.retryable) return c.text("The server is restarting.", 503);
    console.error(error);
    return c.text("Internal server error.", 500);
  });

  return {
    app,
    recover: () => answers.recover(),
    async close() {
      await chats.close({ grace: GRACE, deadline: 2_000, spread: 1_000 });
      await answers.settleAll();
      table.close();
    },
  };
}
