import { type Asked, connect } from "@holdfast/client";
import { Answer, answerUrl, type Start, stopAnswers } from "@holdfast/client/internal";
import type { ChatTransport, UIMessage, UIMessageChunk } from "ai";
import { CHAT_ANSWER } from "./chat-answer.ts";
import type { ChatTransportOptions } from "./options.ts";

/** A transport for `useChat` and the other chats of the AI SDK. */
export interface HoldfastChatTransport<Message extends UIMessage> extends ChatTransport<Message> {
  /** Always `true`: a chat that resumes gets the answer from its beginning. */
  readonly resumeStreamIsReplay: true;
  /**
   * Stops the answer that is being written, for everybody who reads it. The chat's own `stop()` only stops reading.
   *
   * @throws (as a rejection) an error of `fetch`; Error if the server refuses
   */
  stop(chatId: string): Promise<void>;
  /** Stops reading all answers. */
  close(): void;
}

type SendOptions<Message extends UIMessage> = Parameters<ChatTransport<Message>["sendMessages"]>[0];
type ReconnectOptions = Parameters<ChatTransport<UIMessage>["reconnectToStream"]>[0];

/**
 * Creates a transport that keeps an answer connected until it is whole: after a lost connection it goes on behind the last
 * chunk, and the chat does not notice. A question is sent once. What ends too early, or starts over, is an error of the
 * chat, never the end of its message.
 *
 * @throws TypeError for an option that is not valid, with the first request
 *
 * @example
 * const transport = createChatTransport({ api: "/api/chat" });
 * const chat = useChat({ id, transport, resume: true });
 * const stop = () => transport.stop(id); // the model; `chat.stop()` only leaves
 */
export function createChatTransport<Message extends UIMessage = UIMessage>(
  options: ChatTransportOptions<Message> = {},
): HoldfastChatTransport<Message> {
  const { api = "/api/chat", body, prepareSendMessagesRequest, ...connection } = options;
  const {
    resumeUrl = (chatId: string) => answerUrl(api, chatId, "stream"),
    stopUrl = (chatId: string) => answerUrl(api, chatId, "stop"),
    ...shared
  } = connection;
  const { credentials, fetch: fetchIt = globalThis.fetch } = shared;
  /** The last answer of each chat. */
  const answers = new Map<string, Answer<UIMessageChunk>>();
  const open = new Map<
    AbortController,
    { readonly chatId: string; readonly answer: Answer<UIMessageChunk> }
  >();

  /** The headers of all requests, and those of one call. */
  const headersOf =
    (...more: (HeadersInit | undefined)[]) =>
    async (): Promise<Headers> => {
      const headers = new Headers(await valueOf(shared.headers));
      for (const given of more) new Headers(given).forEach((value, name) => headers.set(name, value));
      return headers;
    };

  async function read(
    chatId: string,
    start: Start<UIMessageChunk>,
    isQuestion: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ReadableStream<UIMessageChunk> | null> {
    // An abort only leaves: the SDK aborts for a stop, when a page is left, and for a second resumption alike.
    const lifetime = new AbortController();
    const abort = (): void => lifetime.abort(signal?.reason);
    if (signal?.aborted === true) abort();
    signal?.addEventListener("abort", abort, { once: true });
    const forget = (): void => {
      open.delete(lifetime);
      signal?.removeEventListener("abort", abort);
    };
    const last = answers.get(chatId);
    const kind = isQuestion ? "question" : last?.isPartial === true ? "repetition" : "resumption";
    const answer = new Answer(
      CHAT_ANSWER,
      (own) => {
        const made = start(own);
        made.subscribe(({ status }) => {
          if (status === "closed") forget();
        });
        return made;
      },
      kind,
      lifetime.signal,
    );
    open.set(lifetime, { chatId, answer });
    const chunks = await answer.open();
    if (chunks !== null) answers.set(chatId, answer);
    return chunks;
  }

  async function prepare({ abortSignal: _signal, ...asked }: SendOptions<Message>): Promise<{
    readonly url: string;
    readonly content: object;
    readonly headers: () => Promise<Headers>;
    readonly credentials: RequestCredentials | undefined;
  }> {
    const { chatId, messages, trigger, messageId, metadata } = asked;
    const more = { ...(await valueOf(body)), ...asked.body };
    const headers = headersOf(asked.headers);
    const prepared = await prepareSendMessagesRequest?.({
      api,
      id: chatId,
      messages,
      body: more,
      headers: await headers(),
      credentials,
      requestMetadata: metadata,
      trigger,
      messageId,
    });
    return {
      url: prepared?.api ?? api,
      content: prepared?.body ?? { ...more, id: chatId, messages, trigger, messageId },
      headers: prepared?.headers === undefined ? headers : async () => new Headers(prepared.headers),
      credentials: prepared?.credentials ?? credentials,
    };
  }

  return {
    resumeStreamIsReplay: true,
    async sendMessages(asked) {
      const question = await prepare(asked);
      const json = { "content-type": "application/json" };
      const start: Start<UIMessageChunk> = (own) =>
        connect(question.url, {
          ...shared,
          ...own,
          ...(question.credentials && { credentials: question.credentials }),
          body: JSON.stringify(question.content),
          headers: async () => new Headers([...Object.entries(json), ...(await question.headers())]),
          resumeUrl: resumeUrl(asked.chatId),
        });
      // `null` is never the result for a question.
      return (await read(asked.chatId, start, true, asked.abortSignal)) as ReadableStream<UIMessageChunk>;
    },
    reconnectToStream({ chatId, abortSignal, headers }: ReconnectOptions) {
      const start: Start<UIMessageChunk> = (own) =>
        connect(resumeUrl(chatId), { ...shared, ...own, headers: headersOf(headers) });
      return read(chatId, start, false, abortSignal);
    },
    async stop(chatId) {
      const stopped = [...open.values()].filter((one) => one.chatId === chatId);
      await stopAnswers(
        stopped.map(({ answer }) => answer),
        async () =>
          fetchIt(stopUrl(chatId), {
            method: "POST",
            headers: await headersOf()(),
            ...(credentials && { credentials }),
          }),
      );
    },
    close() {
      for (const lifetime of open.keys()) lifetime.abort();
    },
  };
}

function valueOf<T>(asked: Asked<T>): T | PromiseLike<T> {
  return typeof asked === "function" ? (asked as () => T | PromiseLike<T>)() : asked;
}
