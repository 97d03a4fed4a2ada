import { Violation } from "../harness/wait.ts";
import type { Block } from "./block-parser.ts";
import { type EventContent, readEventData } from "./event-data.ts";

/** `stream` and `channel` are of a registry, a `bare` source has ids of the same form. */
export type SourceKind = "stream" | "channel" | "bare";

/**
 * Checks what one client receives, over all its connections: each event once, in order and unchanged, or a reset that
 * declares what is missing. Throws a {@link Violation} for anything else.
 */
export class StreamChecker {
  /** What the client sends as `Last-Event-ID`. */
  cursor = "";
  /** How many events were checked. */
  events = 0;
  /** How many resets were declared. */
  resets = 0;
  /** The status of the stream's end, when it was told. */
  end: string | undefined;
  /** The reason for which this connection was drained. */
  drained: string | undefined;
  readonly #kind: SourceKind;
  /** The number of the last event; `undefined` while the client does not know where it begins. */
  #position: number | undefined;
  /** The number that each producer gave its last event. A stream has one producer in each life. */
  #numbers = new Map<string, number>();
  #last: EventContent | undefined;
  /** Whether nothing has come since the last reset. */
  #isBehindReset = false;

  constructor(kind: SourceKind) {
    this.#kind = kind;
    if (kind === "bare") this.#position = 0;
  }

  /** Begins another connection. */
  connects(): void {
    this.drained = undefined;
  }

  take(block: Block): void {
    const { event, id, data } = block;
    if (id !== undefined) this.cursor = id;
    if (data === undefined) return;
    if (event === undefined) this.#event(block, data);
    else if (event === "stream.open") this.#open(id);
    else if (event === "stream.reset") this.#reset(id, JSON.parse(data));
    else if (event === "stream.end") this.#end(id, JSON.parse(data));
    else if (event === "stream.drain") this.drained = JSON.parse(data).reason;
    else if (!["stream.live", "stream.error"].includes(event)) this.#fail(`the unknown event ${event}`);
  }

  /** The server says that there is nothing more. */
  noContent(): void {
    if (this.end === undefined) this.#fail("204 before an end");
  }

  #open(id: string | undefined): void {
    if (id === undefined) return;
    this.#position ??= numberOf(id);
    if (numberOf(id) !== this.#position) this.#fail(`stream.open at ${id}`);
  }

  #reset(id: string | undefined, { lost }: { lost: readonly [number, number] | null }): void {
    this.resets++;
    this.#isBehindReset = true;
    if (lost === null) {
      this.#position = undefined;
      this.#numbers.clear();
      this.#last = undefined;
    } else if (this.#position !== undefined && lost[0] !== this.#position + 1) {
      this.#fail(`the loss of ${lost.join("-")}`);
    }
    this.#position = id === undefined ? undefined : numberOf(id);
    if (lost !== null && this.#position !== lost[1]) this.#fail(`${id} after the loss of ${lost.join("-")}`);
  }

  #event({ id }: Block, data: string): void {
    if (id === undefined) this.#fail("an event without an id");
    if (this.#position === undefined || numberOf(id) !== this.#position + 1) this.#fail(`event ${id}`);
    const content = readEventData(data);
    if (content === undefined) this.#fail(`event ${id} with the data ${JSON.stringify(data.slice(0, 200))}`);
    const { life, number } = content;
    this.#position = numberOf(id);
    if (this.#kind === "channel") {
      if (number <= (this.#numbers.get(life) ?? 0)) this.#fail(`${life} ${number} again`);
      this.#numbers.set(life, number);
    } else {
      if (number !== this.#position) this.#fail(`event ${id} with the data of event ${number}`);
      if (this.#last !== undefined && this.#last.life !== life) this.#fail(`event ${id} of ${life}`);
    }
    this.#last = content;
    this.#isBehindReset = false;
    this.events++;
  }

  #end(id: string | undefined, { status }: { status: string }): void {
    this.end = status;
    // Any other end says itself that the stream is not whole.
    if (status !== "done") return;
    // Behind a reset there may be nothing left: then the last event is declared as missing.
    if (!this.#isBehindReset && this.#last?.isLast !== true)
      this.#fail(`the end ${id} before the last event`);
    if (this.#kind === "stream" && numberOf(id ?? "") !== Number(this.#position) + 1)
      this.#fail(`the end ${id}`);
  }

  #fail(what: string): never {
    const { life, number } = this.#last ?? { life: "nothing", number: 0 };
    throw new Violation(`${what}, after ${life} ${number} at ${this.#position} (cursor ${this.cursor})`);
  }
}

/** The number in an id `<epoch>.<number>`. */
function numberOf(id: string): number {
  return Number(id.split(".")[1]);
}
