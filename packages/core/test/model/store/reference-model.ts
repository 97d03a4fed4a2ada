/** One epoch of a stream, as its producer knows it. */
export interface EpochRecord {
  readonly epoch: string;
  /** Event `n` is at index `n - 1`. */
  readonly events: string[];
  /** How the producer has ended the stream. */
  status: string | undefined;
  /** The statuses that clients were sent at its end. */
  readonly reportedStatuses: Set<string>;
}

/** What producers pushed to all streams. What clients of any process are sent must agree with it. */
export class ReferenceModel {
  readonly #records = new Map<string, EpochRecord>();
  readonly #channels = new Map<string, { readonly events: Map<number, string>; readonly all: Set<string> }>();
  #isRolledBack = false;

  /**
   * The store has been replaced by an older copy. It numbers new events of a channel from there, and no process can
   * object unless it happens to look before the next push. From now on events of channels are not checked.
   */
  rollBack(): void {
    this.#isRolledBack = true;
  }

  begin(epoch: string): EpochRecord {
    if (this.#records.has(epoch)) throw new Error(`Two streams have the epoch ${epoch}`);
    const record: EpochRecord = { epoch, events: [], status: undefined, reportedStatuses: new Set() };
    this.#records.set(epoch, record);
    return record;
  }

  record(epoch: string): EpochRecord | undefined {
    return this.#records.get(epoch);
  }

  get records(): Iterable<EpochRecord> {
    return this.#records.values();
  }

  /** Checks an event that a client was sent. */
  checkEvent(epoch: string, seq: number, data: string): void {
    const record = this.#records.get(epoch);
    if (record === undefined)
      return this.#isRolledBack ? undefined : this.#checkChannelEvent(epoch, seq, data);
    if (record.events[seq - 1] !== data)
      throw new Error(`Event ${epoch}.${seq} has the data ${data} instead of ${record.events[seq - 1]}`);
  }

  /** Checks an end that a client was sent after the event `seq`. */
  checkEnd(epoch: string, seq: number, status: string): void {
    const record = this.#records.get(epoch);
    if (record === undefined) {
      // The stream was opened, but the reply of the store was lost.
      if (seq === 0 && !this.#channels.has(epoch) && ["lost", "cancelled"].includes(status)) return;
      throw new Error(`A stream without a producer has ended as ${status} after event ${seq}`);
    }
    record.reportedStatuses.add(status);
    const isWhole = status === "done" || status === "failed";
    if (isWhole && record.status !== status)
      throw new Error(`stream.end has the status ${status} instead of ${record.status}`);
    if (seq > record.events.length || (isWhole && seq !== record.events.length))
      throw new Error(`stream.end with the status ${status} after event ${seq} of ${record.events.length}`);
  }

  /** The store numbers the events of a channel. All clients must be sent the same ones, and each event once. */
  #checkChannelEvent(epoch: string, seq: number, data: string): void {
    const channel = this.#channels.get(epoch) ?? {
      events: new Map<number, string>(),
      all: new Set<string>(),
    };
    this.#channels.set(epoch, channel);
    const known = channel.events.get(seq);
    if (known === data) return;
    if (known !== undefined) throw new Error(`Event ${epoch}.${seq} has the data ${data} and also ${known}`);
    if (channel.all.has(data)) throw new Error(`The channel ${epoch} has the event ${data} twice`);
    channel.events.set(seq, data);
    channel.all.add(data);
  }
}
