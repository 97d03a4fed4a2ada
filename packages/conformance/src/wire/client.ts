import { deadline } from "./deadline.ts";

/** A request, whatever version of HTTP carries it. */
export interface ClientRequest {
  /** @default "GET" */
  readonly method?: string;
  /** @default "/" */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Characters at the end of the body that are kept for `untilEndsWith`. */
const TAIL = 32_768;

/** One response as its client receives it, whatever version of HTTP carries it. */
export abstract class Client {
  /** 0 until the response headers arrive. */
  status = 0;
  /** By lower-case name; several headers of one name are joined by a comma. */
  headers: Readonly<Record<string, string>> = {};
  /** `ended`: the server ended the response. `cut`: the connection broke before its end. */
  state: "open" | "ended" | "cut" = "open";
  /**
   * How a response was cut: `FIN` and `ECONNRESET` are what happened to the connection of HTTP/1.1, a number is the code of
   * RST_STREAM.
   */
  cutBy: string | number | undefined;
  /** Bytes that arrived after the end of the response and belong to no other. */
  extra = "";
  readonly #chunks: string[] = [];
  /** The first `count` chunks, joined. */
  #joined = { text: "", count: 0 };
  /** The last characters of the body: the end of a long one is found without joining all of it. */
  #tail = "";
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #wake: () => void = () => undefined;
  #changed: Promise<void> = this.#nextChange();

  /** Stops reading. */
  abstract pause(): void;
  /** Reads again. */
  abstract resume(): void;
  /** Closes the connection: a FIN. */
  abstract cut(): void;
  /** Resets the connection or the HTTP/2 stream. */
  abstract reset(): void;
  /** Disconnects in a way that every server notices. */
  disconnect(): void {
    this.reset();
    this.cut();
  }

  /** Closes the sending side of the connection, and continues to read. */
  halfClose?(): void;
  /** Sends a request that is answered at the same time, where one connection carries several. */
  sendConcurrently?(request: ClientRequest): Client;
  /** Sends another request over the same connection. */
  abstract sendNext(request?: ClientRequest): Client;

  /** The body so far. */
  get text(): string {
    const { text, count } = this.#joined;
    if (count < this.#chunks.length) {
      this.#joined = { text: text + this.#chunks.slice(count).join(""), count: this.#chunks.length };
    }
    return this.#joined.text;
  }

  /** Waits for status and headers. */
  async answered(): Promise<this> {
    await this.#waitFor(() => this.status > 0, "a response");
    return this;
  }

  /** Waits for a text in the body; returns the body so far. */
  async until(text: string): Promise<string> {
    let searched = 0;
    let overlap = "";
    const hasArrived = (): boolean => {
      for (const chunk of this.#chunks.slice(searched)) {
        searched++;
        const part = overlap + chunk;
        if (part.includes(text)) return true;
        overlap = text.length > 1 ? part.slice(1 - text.length) : "";
      }
      return false;
    };
    await this.#waitFor(hasArrived, JSON.stringify(text));
    return this.text;
  }

  /** Waits until the body received so far ends with a text. */
  async untilEndsWith(text: string): Promise<void> {
    await this.#waitFor(
      () => this.#tail.endsWith(text),
      `${JSON.stringify(text.slice(0, 100))} at the end of the body`,
    );
  }

  /** Waits until the response has ended or the connection is cut. */
  async finished(): Promise<"open" | "ended" | "cut"> {
    await this.#waitFor(() => this.state !== "open", "the end of the response");
    return this.state;
  }

  protected answer(status: number, headers: Readonly<Record<string, string>>): void {
    this.status = status;
    this.headers = headers;
    this.#wake();
  }

  protected take(bytes: Uint8Array): void {
    const chunk = this.#decoder.decode(bytes, { stream: true });
    this.#chunks.push(chunk);
    this.#tail = (this.#tail + chunk).slice(-TAIL);
    this.#wake();
  }

  protected finish(state: "ended" | "cut", cutBy?: string | number): void {
    if (this.state !== "open") return;
    this.state = state;
    this.cutBy = cutBy;
    this.#wake();
  }

  async #waitFor(condition: () => boolean, what: string): Promise<void> {
    const expired = AbortSignal.timeout(deadline.ms);
    expired.addEventListener("abort", () => this.#wake(), { once: true });
    while (!condition()) {
      if (expired.aborted || this.state !== "open") {
        const { status, state, text } = this;
        throw new Error(
          `Expected ${what}; the response has status ${status}, is ${state} and has ${text.length} characters: ${text.slice(-1_000)}`,
        );
      }
      await this.#changed;
    }
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#changed = this.#nextChange();
        resolve();
      };
    });
  }
}
