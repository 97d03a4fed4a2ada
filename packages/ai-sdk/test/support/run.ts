import { createFakeClock, type FakeClock } from "@holdfast/core/testing";
import type { UIMessage } from "ai";
import { onTestFinished } from "vitest";
import { createChatTransport, type ChatTransportOptions } from "../../src/index.ts";
import { type ChatServer, type ChatServerOptions, createChatServer } from "./chat-server.ts";
import { createGate, createModel, type ModelPart, tools } from "./model.ts";
import { createNetwork, type Network } from "./network.ts";
import { TestChat } from "./test-chat.ts";

/** Node has no page that a relative URL belongs to. */
export const ORIGIN = "http://server";

export interface Run {
  readonly clock: FakeClock;
  readonly server: ChatServer;
  readonly network: Network;
  readonly model: ReturnType<typeof createModel>;
  /** Lets the model give its next part. */
  readonly step: (parts?: number) => Promise<void>;
  /** Another page, with a transport of its own. */
  readonly openPage: (history?: readonly UIMessage[]) => Page;
  /** Lets time pass until the promise settles. */
  readonly settle: <T>(promise: Promise<T>) => Promise<T>;
}

interface Page {
  readonly chat: TestChat;
  readonly transport: ReturnType<typeof createChatTransport>;
}

export interface RunOptions {
  readonly steps: readonly (readonly (ModelPart | Error)[])[];
  readonly server?: Partial<ChatServerOptions>;
  readonly transport?: ChatTransportOptions;
  /** That of another server. */
  readonly clock?: FakeClock;
}

/** A server, a network and pages in this process, on one fake clock. */
export function startRun({
  steps,
  server: serverOptions,
  transport: transportOptions,
  clock = createFakeClock(),
}: RunOptions): Run {
  const gate = createGate();
  const model = createModel(steps, gate.wait);
  const server = createChatServer({
    model,
    tools,
    clock,
    observer: { failed: () => undefined, warned: () => undefined },
    ...serverOptions,
  });
  const network = createNetwork(server.handle);
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false;
    const done = (): void => void (isSettled = true);
    promise.then(done, done);
    while (!isSettled) await clock.advance(1_000);
    return promise;
  };
  onTestFinished(() => settle(server.registry.close({ spread: 0, deadline: 100 })));
  return {
    clock,
    server,
    network,
    model,
    step: async (parts = 1) => {
      for (let count = 0; count < parts; count++) {
        await clock.advance(1);
        gate.open();
        await clock.advance(1);
      }
    },
    openPage: (history) => {
      const transport = createChatTransport({
        api: `${ORIGIN}/api/chat`,
        clock,
        fetch: network.fetch,
        ...transportOptions,
      });
      return { transport, chat: new TestChat(transport, "chat", history) };
    },
    settle,
  };
}
