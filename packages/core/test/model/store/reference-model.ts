import { type EpochRecord, EpochRecords, lastEvent } from "../epochs.ts";

/** What one producer of a stream has pushed, and how its clients were told that it ended. */
export interface ProducerRecord extends EpochRecord {
  /** The statuses that clients were sent at its end. */
  readonly reportedStatuses: Set<string>;
}

/** What producers pushed to all streams. What clients of any process are sent must agree with it. */
export class ReferenceModel extends EpochRecords<ProducerRecord> {
  readonly #channels = new Map<string, { readonly events: Map<number, string>; readonly all: Set<string> }>();
  #isRolledBack = false;

  constructor() {
    super((record) => ({ ...record, reportedStatuses: new Set() }));
  }

  /**
   * The store has been replaced by an older copy. It numbers new events of a channel from there, and no process can
   * object unless it happens to look before the next push. From now on events of channels are not checked.
   */
  rollBack(): void {
    this.#isRolledBack = true;
  }

  /** Checks an event that a client was sent. */
  checkEvent(epoch: string, seq: number, data: string): void {
    const record = this.find(epoch);
    if (record !== undefined) this.checkPushed(record, seq, data);
    else if (!this.#isRolledBack) this.#checkChannelEvent(epoch, seq, data);
  }

  /** Checks an end that a client was sent after the event `seq`. */
  checkEnd(epoch: string, seq: number, status: string): void {
    const record = this.find(epoch);
    if (record === undefined) {
      // The stream was opened, but the reply of the store was lost.
      if (seq === this.baseOf(epoch) && !this.#channels.has(epoch) && ["lost", "cancelled"].includes(status))
        return;
      throw new Error(`A stream without a producer has ended as ${status} after event ${seq}`);
    }
    record.reportedStatuses.add(status);
    const isWhole = status === "done" || status === "failed";
    const isExpected = record.status === status || (status === "failed" && record.status === "interrupted");
    if (isWhole && !isExpected)
      throw new Error(`stream.end has the status ${status} instead of ${record.status}`);
    const last = lastEvent(record);
    if (seq > last || (isWhole && seq !== last))
      throw new Error(`stream.end with the status ${status} after event ${seq} of ${last}`);
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
