import type { Joint } from "../../src/protocol/cursor.ts";
import type { Position } from "./position.ts";

/** One producer's part of a stream, as that producer knows it. */
export interface EpochRecord {
  readonly epoch: string;
  /** The number of the last event that earlier producers of this life have left. */
  readonly base: number;
  /** The data of what this producer has pushed: event `n` is at index `n - base - 1`. */
  readonly events: string[];
  /** How the producer has ended its part; `interrupted` when another one may continue. */
  status: string | undefined;
}

/** The number of the last event that this producer knows of. */
export function lastEvent({ base, events }: EpochRecord): number {
  return base + events.length;
}

/** What a producer continues: nothing, or the epochs before it in the same life, oldest first. */
interface Grant {
  readonly base: number;
  readonly joints: readonly Joint[];
}

/** What the producers of all streams have pushed, recorded beside the code under test. */
export class EpochRecords<Record extends EpochRecord> {
  readonly #create: (record: EpochRecord) => Record;
  readonly #records = new Map<string, Record>();
  readonly #grants = new Map<string, Grant>();

  /** @param create adds what a model records besides */
  constructor(create: (record: EpochRecord) => Record) {
    this.#create = create;
  }

  /** An open was granted; its caller may never know. The store grants an epoch again when the open is repeated. */
  grant(epoch: string, base: number, joints: readonly Joint[]): void {
    const granted = this.#grants.get(epoch);
    if (granted === undefined) this.#grants.set(epoch, { base, joints });
    else if (granted.base !== base) {
      throw new Error(`The epoch ${epoch} begins after event ${granted.base}, and after event ${base}`);
    }
  }

  begin(epoch: string): Record {
    if (this.#records.has(epoch)) throw new Error(`Two producers have the epoch ${epoch}`);
    const record = this.#create({ epoch, base: this.baseOf(epoch), events: [], status: undefined });
    this.#records.set(epoch, record);
    return record;
  }

  find(epoch: string): Record | undefined {
    return this.#records.get(epoch);
  }

  get records(): Iterable<Record> {
    return this.#records.values();
  }

  baseOf(epoch: string): number {
    return this.#grants.get(epoch)?.base ?? 0;
  }

  jointsOf(epoch: string): readonly Joint[] {
    return this.#grants.get(epoch)?.joints ?? [];
  }

  /** Whether what comes next in `epoch` is the continuation of a client at this position. */
  continues({ epoch: from, seq }: Position, epoch: string): boolean {
    return from === epoch || this.jointsOf(epoch).some((joint) => joint.epoch === from && seq <= joint.last);
  }

  /** Checks an event of a producer that is known. */
  checkPushed({ epoch, base, events }: Record, seq: number, data: string): void {
    const pushed = events[seq - base - 1];
    if (data === pushed) return;
    const [found, expected] = [JSON.stringify(data), JSON.stringify(pushed)];
    throw new Error(`Event ${epoch}.${seq} has the data ${found} instead of ${expected}`);
  }
}
