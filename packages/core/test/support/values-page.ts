import type { MemoryClient } from "../../src/testing/index.ts";
import { decodeFrames } from "../../src/protocol/decode.ts";
import { parseId } from "../../src/protocol/event-id.ts";

/** The data of the events of a channel of latest values, in tests; without a value it says that the key was deleted. */
export interface Value {
  readonly key: string;
  readonly value?: number;
  readonly pad?: string;
}

/**
 * A page that shows the current values of a channel, by the rules of the protocol: it takes ids as its cursor, and drops what it
 * has at a reset. It reads a connection after another, each possibly only in part.
 */
export class ValuesPage {
  readonly values = new Map<string, number>();
  /** Events without a key that it got. */
  passed: number[] = [];
  cursor: string | undefined;
  resets = 0;
  isLive = false;
  #client: MemoryClient | undefined;
  #taken = 0;
  #member: string | undefined;

  get client(): MemoryClient | undefined {
    return this.#client;
  }

  /** Goes on with another connection. */
  use(client: MemoryClient): void {
    this.#client = client;
    this.#taken = 0;
    this.#member = undefined;
    this.isLive = false;
  }

  /** Takes what has arrived, as far as it is whole blocks; when the connection is cut, only `part` of it. */
  read(part = 1): this {
    const text = this.#client?.text.slice(this.#taken) ?? "";
    const whole = text.lastIndexOf("\n\n", Math.floor(text.length * part) - 2) + 2;
    if (whole < 2) return this;
    this.#taken += whole;
    for (const { event, id, data } of decodeFrames(new TextEncoder().encode(text.slice(0, whole)))) {
      const value = data === undefined ? undefined : (JSON.parse(data) as unknown);
      if (event === "stream.member") this.#member = (value as { member: string }).member;
      else if (this.#member === undefined || this.#member === "prices") this.#take(event, id, value);
    }
    return this;
  }

  #take(event: string, id: string | undefined, data: unknown): void {
    if (id !== undefined) this.#moveCursor(id, event === "stream.reset");
    if (event === "stream.live") this.isLive = true;
    if (event === "stream.reset") {
      const { reason, lost } = data as { reason: string; lost: unknown };
      if (lost !== null)
        throw new Error(`A page of latest values was told that it lost ${JSON.stringify(lost)} (${reason})`);
      this.resets++;
      this.values.clear();
    }
    if (data === undefined || event.startsWith("stream.")) return;
    const { key, value } = data as Value;
    if (key === "") this.passed.push(value as number);
    else if (value === undefined) this.values.delete(key);
    else this.values.set(key, value);
  }

  #moveCursor(id: string, isReset: boolean): void {
    const before = this.cursor === undefined ? undefined : parseId(this.cursor);
    const now = parseId(id);
    if (!isReset && before?.epoch === now?.epoch && (before?.seq ?? 0) > (now?.seq ?? 0))
      throw new Error(`The id ${id} came behind ${this.cursor}`);
    this.cursor = id;
  }
}
