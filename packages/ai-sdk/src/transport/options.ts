import type { Asked, ResilienceOptions } from "@holdfast/client";
import type { PrepareSendMessagesRequest, UIMessage } from "ai";

/** What of a connection can be set. */
type ConnectionOptions = Pick<
  ResilienceOptions,
  | "backoff"
  | "breaker"
  | "clock"
  | "connectTimeout"
  | "credentials"
  | "fetch"
  | "giveUpAfter"
  | "headers"
  | "idleTimeout"
  | "keepAlive"
  | "maxEventSize"
  | "onServerError"
  | "random"
>;

/** Options of {@link createChatTransport}: how requests are made, and those of `connect` of `@holdfast/client`. */
export interface ChatTransportOptions<Message extends UIMessage = UIMessage> extends ConnectionOptions {
  /** Where messages are posted. @default "/api/chat" */
  readonly api?: string;
  /** More fields for the body of each question. A function is called for each. */
  readonly body?: Asked<object>;
  /** Makes the body of a question, and where it differs its URL, headers and credentials, as for the SDK's own transport. */
  readonly prepareSendMessagesRequest?: PrepareSendMessagesRequest<Message>;
  /** Where the answer of a chat is read. @default `${api}/${chatId}/stream`, as with the SDK's own transport */
  readonly resumeUrl?: (chatId: string) => string;
  /** Where an answer is stopped, with POST. @default `${api}/${chatId}/stop` */
  readonly stopUrl?: (chatId: string) => string;
}
