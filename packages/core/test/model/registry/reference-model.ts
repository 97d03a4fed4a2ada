import { encodeEvent } from "../../../src/protocol/encode.ts";
import type { SseEvent } from "../../../src/protocol/event.ts";
import { hash53 } from "../../../src/base/hash.ts";
import type { EndStatus } from "../../../src/protocol/reasons.ts";

/** One epoch of a stream, as its producer knows it. */
export interface EpochRecord {
  readonly epoch: string;
  /** The data of every event ever pushed: event `n` is at index `n - 1`. */
  readonly events: string[];
  status: EndStatus | undefined;
  endedAt: number;
}

/** A finished result, as a database stores it. */
export interface FinishedResult {
  readonly state: "done" | "failed" | "cancelled";
  readonly events: readonly { readonly event: string; readonly data: string }[];
}

/** What was pushed and how it ended, recorded beside the code under test and never read from it. */
export class ReferenceModel {
  readonly #records = new Map<string, EpochRecord>();

  begin(epoch: string): EpochRecord {
    const record: EpochRecord = { epoch, events: [], status: undefined, endedAt: Infinity };
    this.#records.set(epoch, record);
    return record;
  }

  /** A finished result has an epoch that depends only on its content. */
  publish({ state, events }: FinishedResult): void {
    const record = this.begin(epochOf(state, events));
    record.events.push(...events.map(({ data }) => data));
    record.status = state;
  }

  find(epoch: string): EpochRecord | undefined {
    return this.#records.get(epoch);
  }

  record(epoch: string): EpochRecord {
    const record = this.find(epoch);
    if (record === undefined) throw new Error(`No stream was ever opened with the epoch ${epoch}`);
    return record;
  }
}

/** The documented hash: every process must compute the same epoch. */
function epochOf(state: string, events: readonly SseEvent[]): string {
  const text = events.map((event) => new TextDecoder().decode(encodeEvent(event))).join("");
  return (hash53(state + text) % 36 ** 10).toString(36).padStart(10, "0");
}
