import type { Joint } from "../../../src/protocol/cursor.ts";
import type { Position } from "../position.ts";

/** One producer's part of a stream, as that producer knows it. */
export interface EpochRecord {
  readonly epoch: string;
  /** The number of the last event that earlier producers of this life have left. */
  readonly base: number;
  /** Event `n` is at index `n - base - 1`. */
  readonly events: string[];
  /** How the producer has ended its part; `interrupted` when another one may continue. */
  status: string | undefined;
  /** The statuses that clients were sent at its end. */
  readonly reportedStatuses: Set<string>;
}

/** The number of the last event that this producer knows of. */
export function lastEvent({ base, events }: EpochRecord): number {
  return base + events.length;
}

/** What producers pushed to all streams. What clients of any process are sent must agree with it. */
export class ReferenceModel {
  readonly #records = new Map<string, EpochRecord>();
  readonly #channels = new Map<string, { readonly events: Map<number, string>; readonly all: Set<string> }>();
  /** For each epoch that a store has granted: what it continues. */
  readonly #grants = new Map<string, { readonly base: number; readonly joints: readonly Joint[] }>();
  #isRolledBack = false;

  /**
   * The store has been replaced by an older copy. It numbers new events of a channel from there, and no process can
   * object unless it happens to look before the next push. From now on events of channels are not checked.
   */
  rollBack(): void {
    this.#isRolledBack = true;
  }

  /** The store has granted an open; its caller may never know. */
  grant(epoch: string, base: number, joints: readonly Joint[]): void {
    if (!this.#grants.has(epoch)) this.#grants.set(epoch, { base, joints });
  }

  begin(epoch: string): EpochRecord {
    if (this.#records.has(epoch)) throw new Error(`Two producers have the epoch ${epoch}`);
    const { base = 0 } = this.#grants.get(epoch) ?? {};
    const record: EpochRecord = {
      epoch,
      base,
      events: [],
      status: undefined,
      reportedStatuses: new Set(),
    };
    this.#records.set(epoch, record);
    return record;
  }

  record(epoch: string): EpochRecord | undefined {
    return this.#records.get(epoch);
  }

  get records(): Iterable<EpochRecord> {
    return this.#records.values();
  }

  /** Whether what comes next in `epoch` is the continuation of a client at this position. */
  continues({ epoch: from, seq }: Position, epoch: string): boolean {
    const joints = this.#grants.get(epoch)?.joints ?? [];
    return from === epoch || joints.some((joint) => joint.epoch === from && seq <= joint.last);
  }

  /** Checks an event that a client was sent. */
  checkEvent(epoch: string, seq: number, data: string): void {
    const record = this.#records.get(epoch);
    if (record === undefined)
      return this.#isRolledBack ? undefined : this.#checkChannelEvent(epoch, seq, data);
    const pushed = record.events[seq - record.base - 1];
    if (pushed !== data) throw new Error(`Event ${epoch}.${seq} has the data ${data} instead of ${pushed}`);
  }

  /** Checks an end that a client was sent after the event `seq`. */
  checkEnd(epoch: string, seq: number, status: string): void {
    const record = this.#records.get(epoch);
    if (record === undefined) {
      // The stream was opened, but the reply of the store was lost.
      const base = this.#grants.get(epoch)?.base ?? 0;
      if (seq === base && !this.#channels.has(epoch) && ["lost", "cancelled"].includes(status)) return;
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
