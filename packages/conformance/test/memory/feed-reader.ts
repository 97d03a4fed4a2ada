import { Agent, type ClientRequest, get } from "node:http";
import { letterOf, SIZE } from "./feed.ts";

const LF = "\n".charCodeAt(0);
/** Characters at the start of a line that are checked; of the rest only the length is. */
const CHECKED = 64;

/** A client of the feed that checks every event and stores none. */
export class FeedReader {
  /** The sequence number of the last event. */
  last = 0;
  /** Bytes of data. */
  bytes = 0;
  /** The `event:` lines of control events. */
  readonly control: string[] = [];
  /** Unexpected lines. */
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

  /** Resolves when the event `seq` has arrived. */
  async reach(seq: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wanted = seq;
      this.#arrived = resolve;
      this.#checkWanted();
    });
  }

  cut(): void {
    this.#request.destroy();
  }

  #checkWanted(): void {
    if (this.last >= this.#wanted) this.#arrived();
  }

  #read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const end = chunk.indexOf(LF, at);
      const part = chunk.subarray(at, end === -1 ? chunk.length : end);
      this.#head += part.toString("latin1", 0, CHECKED - this.#head.length);
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
    const right = `data: ${letterOf(this.#seq)}`.padEnd(CHECKED, letterOf(this.#seq));
    if (this.#seq !== this.last + 1 || length !== SIZE || head !== right) this.wrong.push(head);
    this.last = this.#seq;
    this.bytes += length;
    this.#checkWanted();
  }
}
