import type { StreamStatus } from "@holdfast/core";
import {
  createRegistry,
  readCursor,
  type Registry,
  type RegistryOptions,
  type ServeOptions,
  sse,
} from "@holdfast/hono";
import {
  convertToModelMessages,
  type LanguageModel,
  stepCountIs,
  streamText,
  type ToolSet,
  type UIMessage,
} from "ai";
import { Hono } from "hono";
import { isAnswering, isBusy, pipeUIMessageStream, type UIMessageEvents } from "../../src/index.ts";

export interface ChatServerOptions extends RegistryOptions<UIMessageEvents> {
  readonly model: LanguageModel;
  readonly tools?: ToolSet;
  readonly serve?: ServeOptions;
  readonly onStatus?: (status: StreamStatus) => void;
  /** The registry that produces, if it is in another process. */
  readonly worker?: Registry<UIMessageEvents>;
}

export interface ChatServer {
  readonly registry: Registry<UIMessageEvents>;
  readonly handle: (request: Request) => Response | Promise<Response>;
}

/** A server as the guide has it. */
export function createChatServer({
  model,
  tools,
  serve,
  worker,
  onStatus,
  ...options
}: ChatServerOptions): ChatServer {
  const registry = createRegistry<UIMessageEvents>(options);
  const producer = worker ?? registry;
  const app = new Hono();
  app.post("/api/chat", async (c) => {
    const { id, messages: originalMessages } = await c.req.json<{ id: string; messages: UIMessage[] }>();
    try {
      const job = await producer.open(id);
      const messages = await convertToModelMessages(originalMessages);
      const result = streamText({
        model,
        messages,
        ...(tools && { tools }),
        stopWhen: stepCountIs(5),
        abortSignal: job.signal,
        maxRetries: 0,
        onError: () => undefined,
      });
      const written = pipeUIMessageStream(job, result, {
        originalMessages,
        onError: () => "The model has failed.",
      });
      void written.then(onStatus);
      return sse(c, registry.stream(id), serve);
    } catch (error) {
      if (isBusy(error)) return c.text("An answer is being written.", 409);
      throw error;
    }
  });
  app.get("/api/chat/:id/stream", async (c) => {
    const id = c.req.param("id");
    const isResumption = readCursor(c.req.header("last-event-id"), c.req.url) !== undefined;
    if (!isResumption && !isAnswering(await registry.find(id))) return c.body(null, 204);
    return sse(c, registry.stream(id), serve);
  });
  app.post("/api/chat/:id/stop", async (c) => {
    await registry.cancel(c.req.param("id"), "stopped", { grace: 1_000 });
    return c.body(null, 204);
  });
  return { registry, handle: (request) => app.fetch(request, {}) };
}
