interface Message {
  /** Of the command that this answers; an event has none. */
  readonly id?: number;
  readonly result?: unknown;
  /** A failed command has an error code, and a message. */
  readonly error?: string;
  readonly message?: string;
  /** Of an event. */
  readonly params?: { readonly channel: string; readonly data: { readonly value: string } };
}

/** A connection of WebDriver BiDi (https://w3c.github.io/webdriver-bidi): each command has one answer. */
export class BidiConnection {
  readonly #socket: WebSocket;
  readonly #commands: PromiseWithResolvers<unknown>[] = [];
  readonly #channels = new Map<string, (text: string) => void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(String(data)) as Message));
    socket.addEventListener("close", () => {
      for (const { reject } of this.#commands) reject(closedError());
    });
  }

  static async open(url: string): Promise<BidiConnection> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () => reject(new Error(`No connection to ${url}.`)));
    });
    return new BidiConnection(socket);
  }

  /** Resolves with the result of a command. */
  async send<Result>(method: string, params: object): Promise<Result> {
    if (this.#socket.readyState !== WebSocket.OPEN) throw closedError();
    const command = Promise.withResolvers<unknown>();
    const id = this.#commands.push(command) - 1;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return (await command.promise) as Result;
  }

  /** Calls the callback with each text that a page sends through this channel. */
  onChannel(name: string, callback: (text: string) => void): void {
    this.#channels.set(name, callback);
  }

  #receive({ id, result, error, message, params }: Message): void {
    if (params !== undefined) this.#channels.get(params.channel)?.(params.data.value);
    else if (error === undefined) this.#commands[id ?? -1]?.resolve(result);
    else this.#commands[id ?? -1]?.reject(new Error(`${error}: ${message}`));
  }
}

function closedError(): Error {
  return new Error("The browser closed the connection.");
}
