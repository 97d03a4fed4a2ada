/** A request, in what transports have in common. */
export interface ClientRequest {
  /** @default "GET" */
  readonly method?: string;
  /** @default "/" */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** In ms. A machine may be busy: late is who hangs. */
const DEADLINE = 10_000;
const TAIL = 32_768;

/** One response as its client sees it, whatever carries it. */
export abstract class Client {
  /** 0 before the answer. */
  status = 0;
  /** By lower-case name; several of one name are joined by a comma. */
  headers: Readonly<Record<string, string>> = {};
  /** `ended`: by the server, in order. `cut`: by anybody, before its end. */
  state: "open" | "ended" | "cut" = "open";
  /** What came behind its end, and belongs to no other response. */
  surplus = "";
  readonly #chunks: string[] = [];
  /** The first chunks in one piece, and how many they are. */
  #joined = { text: "", count: 0 };
  /** The last of the body: to look for the end of a long one is cheap. */
  #tail = "";
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #news: () => void = () => undefined;
  #next: Promise<void> = this.#renew();

  /** Stops reading. */
  abstract pause(): void;
  /** Reads on. */
  abstract resume(): void;
  /** Leaves. */
  abstract cut(): void;
  /** Leaves without a goodbye, or in whatever other way its transport has. */
  abstract reset(): void;
  /** Leaves in a way that no server misses. */
  leave(): void {
    this.reset();
    this.cut();
  }

  /** Says that it has nothing more to say, and goes on listening. */
  halfClose?(): void;
  /** Sends a request that is answered at the same time, where one connection carries several. */
  beside?(request: ClientRequest): Client;
  /** Sends another request over the same connection. */
  abstract again(request?: ClientRequest): Client;

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
    await this.#wait(() => this.status > 0, "an answer");
    return this;
  }

  /** Waits for a text in the body; returns the body so far. */
  async until(text: string): Promise<string> {
    let looked = 0;
    let seam = "";
    const come = (): boolean => {
      for (const chunk of this.#chunks.slice(looked)) {
        looked++;
        const part = seam + chunk;
        if (part.includes(text)) return true;
        seam = text.length > 1 ? part.slice(1 - text.length) : "";
      }
      return false;
    };
    await this.#wait(come, JSON.stringify(text));
    return this.text;
  }

  /** Waits for the body to end with a text, for now. */
  async untilLast(text: string): Promise<void> {
    await this.#wait(() => this.#tail.endsWith(text), `${JSON.stringify(text.slice(0, 100))} at the end`);
  }

  /** Waits for the end, of either kind. */
  async over(): Promise<"open" | "ended" | "cut"> {
    await this.#wait(() => this.state !== "open", "the end");
    return this.state;
  }

  protected answer(status: number, headers: Readonly<Record<string, string>>): void {
    this.status = status;
    this.headers = headers;
    this.#news();
  }

  protected take(bytes: Uint8Array): void {
    const chunk = this.#decoder.decode(bytes, { stream: true });
    this.#chunks.push(chunk);
    this.#tail = (this.#tail + chunk).slice(-TAIL);
    this.#news();
  }

  protected finish(state: "ended" | "cut"): void {
    if (this.state !== "open") return;
    this.state = state;
    this.#news();
  }

  async #wait(come: () => boolean, what: string): Promise<void> {
    const late = AbortSignal.timeout(DEADLINE);
    late.addEventListener("abort", () => this.#news(), { once: true });
    while (!come()) {
      if (late.aborted || this.state !== "open") {
        const { status, state, text } = this;
        throw new Error(`Waited for ${what}; ${status}, ${state}, got ${text.length}: ${text.slice(-1_000)}`);
      }
      await this.#next;
    }
  }

  #renew(): Promise<void> {
    return new Promise((resolve) => {
      this.#news = () => {
        this.#next = this.#renew();
        resolve();
      };
    });
  }
}
