import type { Connection, Multiplex, StreamReset, TextMessage } from "@holdfast/client";

/** What a consumer has of a member, over all its connections. The data of its events are consecutive numbers. */
export class RecordedMember {
  readonly name: string;
  /** The number behind that of the last event. */
  next = 1;
  /** The resets that it was told of. */
  resets = 0;
  /** `done`, or what is wrong. */
  end = "";
  #cursor = "";
  /** The number of the last event that this connection has declared lost. */
  #lostTo = 0;
  #connection: Connection<TextMessage> | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  join(live: Multiplex): void {
    const connection: Connection<TextMessage> = live.connect(this.name, {
      lastEventId: this.#cursor,
      onReset: (reset) => {
        if (connection === this.#connection) this.#skip(reset);
      },
    });
    this.#connection = connection;
    this.#lostTo = 0;
    void this.#read(connection);
  }

  /** Reconnects at once, as an application may that knows better than to wait. */
  hurry(): void {
    if (this.#connection?.state.status === "retrying") this.#connection.reconnect();
  }

  leave(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  get #expected(): number {
    return Math.max(this.next, this.#lostTo + 1);
  }

  #skip({ reason, lost }: StreamReset): void {
    this.resets++;
    if (lost?.[0] === this.#expected) this.#lostTo = lost[1];
    else this.end = `${this.name}: ${reason}, ${lost?.join("-")} instead of ${this.#expected}`;
  }

  async #read(connection: Connection<TextMessage>): Promise<void> {
    try {
      for await (const { data, id } of connection) {
        // What was on its way to a consumer that has left is not its own any more.
        if (connection !== this.#connection) return;
        const number = Number(data);
        if (number !== this.#expected) throw new Error(`${this.name}: ${data} instead of ${this.#expected}`);
        this.next = number + 1;
        this.#cursor = id;
      }
      if (connection === this.#connection) this.end ||= "done";
    } catch (error) {
      if (connection === this.#connection) this.end = String(error);
    }
  }
}
