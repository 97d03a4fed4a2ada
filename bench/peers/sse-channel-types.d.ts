declare module "sse-channel" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  interface Message {
    readonly id?: number;
    readonly data: string;
  }

  interface SseChannelOptions {
    readonly history?: readonly Message[];
    readonly historySize?: number;
    readonly pingInterval?: number;
  }

  export default class SseChannel {
    constructor(options?: SseChannelOptions);
    addClient(req: IncomingMessage, res: ServerResponse): void;
    send(message: Message): void;
  }
}
