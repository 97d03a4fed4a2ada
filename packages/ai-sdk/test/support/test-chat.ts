import { AbstractChat, type ChatOnFinishCallback, type ChatTransport, type UIMessage } from "ai";

/** What `onFinish` says of a response. */
type Outcome = Pick<Parameters<ChatOnFinishCallback<UIMessage>>[0], "isAbort" | "isDisconnect" | "isError">;

/** A chat as `useChat` has it. */
export class TestChat extends AbstractChat<UIMessage> {
  /** How each response has ended. */
  readonly outcomes: Outcome[] = [];

  constructor(transport: ChatTransport<UIMessage>, id = "chat", history: readonly UIMessage[] = []) {
    const messages: UIMessage[] = structuredClone([...history]);
    super({
      id,
      transport,
      onFinish: ({ isAbort, isDisconnect, isError }) =>
        void this.outcomes.push({ isAbort, isDisconnect, isError }),
      state: {
        status: "ready",
        error: undefined,
        messages,
        pushMessage: (message) => void messages.push(message),
        popMessage: () => void messages.pop(),
        replaceMessage: (index, message) => void messages.splice(index, 1, message),
        snapshot: structuredClone,
      },
    });
  }

  async ask(text = "Tell me a tale."): Promise<void> {
    await this.sendMessage({ text });
  }

  /** The last message, if it is an answer. */
  get answer(): UIMessage | undefined {
    const last = this.messages.at(-1);
    return last?.role === "assistant" ? last : undefined;
  }

  /** The text of the answer so far. */
  get text(): string {
    return (this.answer?.parts ?? []).map((part) => (part.type === "text" ? part.text : "")).join("");
  }
}
