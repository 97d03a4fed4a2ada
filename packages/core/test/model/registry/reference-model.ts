import { encodeEvent } from "../../../src/protocol/encode.ts";
import type { SseEvent } from "../../../src/protocol/event.ts";
import { hash53 } from "../../../src/base/hash.ts";
import { type EpochRecord, EpochRecords, lastEvent } from "../epochs.ts";
import type { Position } from "../position.ts";

/** One producer's part of a stream, a channel, or a finished result. */
export interface StreamRecord extends EpochRecord {
  endedAt: number;
  /** All epochs of the life that it belongs to share this object. */
  life: Life;
}

interface Life {
  newest: StreamRecord;
  wasInterrupted: boolean;
}

/** A finished result, as a database stores it. */
export interface FinishedResult {
  readonly state: "done" | "failed" | "cancelled";
  readonly events: readonly { readonly event: string; readonly data: string }[];
}

/** A registry understands a cursor of so many epochs before the newest one. */
const JOINTS = 8;

/** What was pushed and how it ended, recorded beside the code under test and never read from it. */
export class ReferenceModel extends EpochRecords<StreamRecord> {
  constructor() {
    super((part) => {
      const record = { ...part, endedAt: Infinity } as StreamRecord;
      record.life = { newest: record, wasInterrupted: false };
      return record;
    });
  }

  /** A producer begins a new life or, behind `previous`, continues one. */
  open(epoch: string, previous?: StreamRecord): StreamRecord {
    if (previous === undefined) return this.begin(epoch);
    const last = lastEvent(previous);
    this.grant(epoch, last, [...this.jointsOf(previous.epoch), { epoch: previous.epoch, last }]);
    const record = this.begin(epoch);
    record.life = previous.life;
    record.life.newest = record;
    return record;
  }

  /** A finished result has an epoch that depends only on its content. */
  publish({ state, events }: FinishedResult): void {
    const epoch = epochOf(state, events);
    if (this.find(epoch) !== undefined) return;
    const record = this.begin(epoch);
    record.events.push(...events.map(({ data }) => data));
    record.status = state;
  }

  record(epoch: string): StreamRecord {
    const record = this.find(epoch);
    if (record === undefined) throw new Error(`No stream was ever opened with the epoch ${epoch}`);
    return record;
  }

  /** The latest part of the life that this epoch belongs to. */
  newest(epoch: string): StreamRecord {
    return this.record(epoch).life.newest;
  }

  /**
   * Whether what comes next in `epoch` is the continuation of a client at this position. The epoch of the position may be
   * the later one: a log that has forgotten a joint gives the number before it to the oldest epoch that it knows.
   */
  override continues({ epoch: from, seq }: Position, epoch: string): boolean {
    const record = this.find(from);
    return record !== undefined && record.life === this.record(epoch).life && seq <= lastEvent(record);
  }

  /** Whether a registry understands a cursor of epoch `of` in the life that `epoch` belongs to. */
  understands(of: string, epoch: string): boolean {
    const newest = this.newest(epoch);
    const joints = this.jointsOf(newest.epoch).slice(-JOINTS);
    return of === newest.epoch || joints.some((joint) => joint.epoch === of);
  }

  /** The id of event `seq` of the life that the record belongs to. */
  idOf({ epoch }: StreamRecord, seq: number): string {
    const joint = this.jointsOf(epoch).find(({ last }) => seq <= last);
    return `${joint?.epoch ?? epoch}.${seq}`;
  }

  /** The data of all events of a life, up to those of this record. */
  eventsOf({ epoch, events }: StreamRecord): string[] {
    return [...this.jointsOf(epoch).flatMap((joint) => this.record(joint.epoch).events), ...events];
  }
}

/** The documented hash: every process must compute the same epoch. */
function epochOf(state: string, events: readonly SseEvent[]): string {
  const text = events.map((event) => new TextDecoder().decode(encodeEvent(event))).join("");
  return (hash53(state + text) % 36 ** 10).toString(36).padStart(10, "0");
}
