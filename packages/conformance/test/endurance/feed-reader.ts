import { Agent, type ClientRequest, get } from "node:http";
import { letterOf, SIZE } from "./terms.ts";

const LF = "\n".charCodeAt(0);
/** So much of a line is looked at; of the rest only its length. */
const HEAD = 64;

/** A client of the feed that checks every event and keeps none. */
export class FeedReader {
  /** The number of the last event. */
  last = 0;
  /** Bytes of data. */
  bytes = 0;
  /** The lines that name control events. */
  readonly control: string[] = [];
  /** The lines that should not have come. */
  readonly wrong: string[] = [];
  readonly #request: ClientRequest;
  #head = "";
  #length = 0;
  #event = "";
  #seq = 0;
  #wanted = 0;
  #arrived: () => void = () => undefined;

  constructor(port: number) {
    this.#request = get({ port, path: "/feed", agent: new Agent() }, (response) => {
      response.on("data", (chunk: Buffer) => this.#read(chunk));
    });
    this.#request.on("error", (error) => this.wrong.push(error.message));
  }

  /** Resolves when that event has come. */
  async reach(seq: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wanted = seq;
      this.#arrived = resolve;
      this.#look();
    });
  }

  cut(): void {
    this.#request.destroy();
  }

  #look(): void {
    if (this.last >= this.#wanted) this.#arrived();
  }

  #read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const end = chunk.indexOf(LF, at);
      const part = chunk.subarray(at, end === -1 ? chunk.length : end);
      this.#head += part.toString("latin1", 0, HEAD - this.#head.length);
      this.#length += part.length;
      if (end === -1) return;
      this.#readLine(this.#head, this.#length);
      this.#head = "";
      this.#length = 0;
      at = end + 1;
    }
  }

  #readLine(head: string, length: number): void {
    if (head === "") this.#event = "";
    else if (head.startsWith("event: ")) this.control.push((this.#event = head));
    else if (head.startsWith("id: ")) this.#seq = Number(head.split(".")[1]);
    else if (head.startsWith("data: ") && this.#event === "") this.#readData(head, length - "data: ".length);
  }

  #readData(head: string, length: number): void {
    const right = `data: ${letterOf(this.#seq)}`.padEnd(HEAD, letterOf(this.#seq));
    if (this.#seq !== this.last + 1 || length !== SIZE || head !== right) this.wrong.push(head);
    this.last = this.#seq;
    this.bytes += length;
    this.#look();
  }
}
