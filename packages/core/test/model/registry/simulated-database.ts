import type { AskSnapshot, Snapshot } from "../../../src/stream/snapshot.ts";
import type { AnyEvents } from "../../../src/protocol/event.ts";
import type { FakeClock } from "../../../src/testing/index.ts";
import type { EpochRecord, FinishedResult, ReferenceModel } from "./reference-model.ts";

/** The content of a row. `running` is a snapshot of the current epoch, `behind` events behind its last one. */
export type Row =
  | { readonly is: "none" | "pending" | "running without position" | "throwing" | "not encodable" }
  | { readonly is: "running"; readonly behind: number }
  | { readonly is: "finished"; readonly version: number };

interface Query {
  readonly id: string;
  readonly signal: AbortSignal;
  readonly askedAt: number;
  /** The row at the time of the query. */
  readonly row: Row;
  readonly resolve: (snapshot: Snapshot<AnyEvents> | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** What the database has answered for one id. */
export interface Answers {
  /** When the last query began that was answered with "there is no such row". */
  lastGone: number;
  /** When it last failed. */
  lastFailed: number;
  /** How many times it has answered without failing. */
  count: number;
  /** Whether the last query failed. */
  failing: boolean;
}

/** The application's database. It answers at once, or when the simulation calls `answer`. */
export class SimulatedDatabase {
  readonly #clock: FakeClock;
  readonly #model: ReferenceModel;
  readonly #currentRecord: (id: string) => EpochRecord | undefined;
  readonly #prompt: boolean;
  readonly #rows = new Map<string, Row>();
  readonly #answers = new Map<string, Answers>();
  #queries: Query[] = [];

  constructor(
    clock: FakeClock,
    model: ReferenceModel,
    currentRecord: (id: string) => EpochRecord | undefined,
    prompt: boolean,
  ) {
    this.#clock = clock;
    this.#model = model;
    this.#currentRecord = currentRecord;
    this.#prompt = prompt;
  }

  readonly query: AskSnapshot<AnyEvents> = (id, { signal }) => {
    if (signal.aborted) throw new Error("The database is queried although nobody waits");
    this.check();
    if (this.#queries.some((query) => query.id === id && !query.signal.aborted)) {
      throw new Error(`Two queries at once for ${id}`);
    }
    const row = this.row(id);
    const askedAt = this.#clock.now();
    if (this.#prompt) return this.#read(id, row, askedAt);
    return new Promise((resolve, reject) =>
      this.#queries.push({ id, signal, askedAt, row, resolve, reject }),
    );
  };

  row(id: string): Row {
    return this.#rows.get(id) ?? { is: "pending" };
  }

  save(id: string, row: Row): void {
    this.#rows.set(id, row);
  }

  answersFor(id: string): Answers {
    const answers = this.#answers.get(id) ?? {
      lastGone: -Infinity,
      lastFailed: -Infinity,
      count: 0,
      failing: false,
    };
    this.#answers.set(id, answers);
    return answers;
  }

  /** Answers one pending query with the row as it is now, or as it was at the time of the query. */
  answer(number: number, stale: boolean): void {
    const query = this.#queries[number % Math.max(1, this.#queries.length)];
    if (query === undefined) return;
    this.#queries = this.#queries.filter((other) => other !== query);
    const { id, askedAt, resolve, reject } = query;
    try {
      resolve(this.#read(id, stale ? query.row : this.row(id), askedAt, query.signal.aborted));
    } catch (error) {
      reject(error);
    }
  }

  answerAll(): void {
    while (this.#queries.length > 0) this.answer(0, false);
  }

  check(): void {
    const active = this.#queries.filter(({ signal }) => !signal.aborted);
    if (active.length > new Set(active.map(({ id }) => id)).size) throw new Error("Two queries at once");
  }

  checkNothingLeft(): void {
    if (this.#queries.some(({ signal }) => !signal.aborted))
      throw new Error("A query is pending although nobody waits");
  }

  #read(id: string, row: Row, askedAt: number, ignored = false): Snapshot<AnyEvents> | undefined {
    // An answer that nobody waits for must not count.
    const answers = ignored ? { ...this.answersFor(id) } : this.answersFor(id);
    answers.failing = row.is === "throwing" || row.is === "not encodable";
    if (answers.failing) answers.lastFailed = this.#clock.now();
    else answers.count++;
    switch (row.is) {
      case "none":
        answers.lastGone = askedAt;
        return undefined;
      case "pending":
        return { state: "pending" };
      case "running without position":
        return { state: "running" };
      case "throwing":
        throw new Error("The database is down.");
      case "not encodable":
        return { state: "done", events: [{ data: 1n }] };
      case "running":
        return this.#running(id, row.behind);
      case "finished":
        return this.#finished(id, row.version);
    }
  }

  /** Two events whose data is the position of the snapshot. The first one has no id on the wire. */
  #running(id: string, behind: number): Snapshot<AnyEvents> {
    const record = this.#currentRecord(id);
    if (record === undefined) return { state: "running" };
    const at = `${record.epoch}.${Math.max(0, record.events.length - behind)}`;
    return {
      state: "running",
      at,
      events: [
        { event: "part", data: at },
        { event: "state", data: at },
      ],
    };
  }

  #finished(id: string, version: number): Snapshot<AnyEvents> {
    const { status, events: all } = this.#currentRecord(id) ?? { status: "done", events: [] };
    const state = status === "done" || status === "cancelled" ? status : "failed";
    const events = [...all, `version ${version}`].map((data) => ({ event: "token", data }));
    const result: FinishedResult = { state, events };
    this.#model.publish(result);
    return result;
  }
}
