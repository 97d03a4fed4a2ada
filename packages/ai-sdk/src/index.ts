// The page
export { createChatTransport } from "./transport/chat-transport.ts";
export type { HoldfastChatTransport } from "./transport/chat-transport.ts";
export type { ChatTransportOptions } from "./transport/options.ts";

// The server
export { pipeUIMessageStream } from "./server/pipe-ui-message-stream.ts";
export type { PipeOptions, UIMessageEvents, UIMessageResult } from "./server/pipe-ui-message-stream.ts";
export { uiMessageControl } from "./server/ui-message-control.ts";
export { isAnswering, isBusy } from "./server/answers.ts";
