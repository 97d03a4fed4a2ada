import type { AskSnapshot, Snapshot } from "../../../src/stream/snapshot.ts";
import type { AnyEvents } from "../../../src/protocol/event.ts";
import type { FakeClock } from "../../../src/testing/index.ts";
import { lastEvent } from "../epochs.ts";
import type { FinishedResult, ReferenceModel } from "./reference-model.ts";
import type { Question, SimulatedStream } from "./simulated-stream.ts";

/** The content of a row. `running` is a snapshot of the current epoch, `behind` events behind its last one. */
export type Row =
  | { readonly is: "none" | "pending" | "running without position" | "throwing" | "not encodable" }
  | { readonly is: "running"; readonly behind: number }
  | { readonly is: "finished"; readonly version: number };

interface Query {
  readonly id: string;
  readonly signal: AbortSignal;
  /** The row at the time of the query. */
  readonly row: Row;
  /** How the stream stood at the time of the query. */
  readonly question: Question;
  readonly resolve: (snapshot: Snapshot<AnyEvents> | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** What the database has answered for one id. */
export interface Answers {
  /** When the last query began that was answered with "there is no such row". */
  lastGone: number;
  /** When it last failed. */
  lastFailed: number;
  /** When it last answered or failed. */
  lastAt: number;
  /** When nobody waited any more for the answer to a query. */
  lastAborted: number;
  /** How many times it has answered without failing. */
  count: number;
  /** Whether the last query failed. */
  failing: boolean;
}

export interface SimulatedDatabaseOptions {
  readonly clock: FakeClock;
  readonly model: ReferenceModel;
  readonly streamOf: (id: string) => SimulatedStream;
  /** Whether it answers at once. */
  readonly isPrompt: boolean;
}

/** The application's database. It answers at once, or when the simulation calls `answer`. */
export class SimulatedDatabase {
  readonly #options: SimulatedDatabaseOptions;
  readonly #rows = new Map<string, Row>();
  readonly #answers = new Map<string, Answers>();
  #queries: Query[] = [];

  constructor(options: SimulatedDatabaseOptions) {
    this.#options = options;
  }

  readonly query: AskSnapshot<AnyEvents> = (id, { signal }) => {
    if (signal.aborted) throw new Error("The database is queried although nobody waits");
    this.check();
    if (this.isAsked(id)) throw new Error(`Two queries at once for ${id}`);
    const { streamOf, isPrompt } = this.#options;
    const row = this.row(id);
    const question = streamOf(id).question();
    if (isPrompt) return this.#read({ id, signal, question }, row);
    signal.addEventListener("abort", () => {
      this.answersFor(id).lastAborted = this.#options.clock.now();
    });
    return new Promise((resolve, reject) =>
      this.#queries.push({ id, signal, row, question, resolve, reject }),
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
      lastAt: -Infinity,
      lastAborted: -Infinity,
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
    const { id, resolve, reject } = query;
    try {
      resolve(this.#read(query, stale ? query.row : this.row(id)));
    } catch (error) {
      reject(error);
    }
  }

  answerAll(): void {
    while (this.#queries.length > 0) this.answer(0, false);
  }

  /** Whether somebody waits for the answer to a query. */
  isAsked(id: string): boolean {
    return this.#queries.some((query) => query.id === id && !query.signal.aborted);
  }

  check(): void {
    const active = this.#queries.filter(({ signal }) => !signal.aborted);
    if (active.length > new Set(active.map(({ id }) => id)).size) throw new Error("Two queries at once");
  }

  checkNothingLeft(): void {
    if (this.#queries.some(({ signal }) => !signal.aborted))
      throw new Error("A query is pending although nobody waits");
  }

  #read(
    { id, signal, question }: Pick<Query, "id" | "signal" | "question">,
    row: Row,
  ): Snapshot<AnyEvents> | undefined {
    // An answer that nobody waits for must not count.
    const answers = signal.aborted ? { ...this.answersFor(id) } : this.answersFor(id);
    answers.failing = row.is === "throwing" || row.is === "not encodable";
    answers.lastAt = this.#options.clock.now();
    if (answers.failing) answers.lastFailed = answers.lastAt;
    else answers.count++;
    const snapshot = this.#snapshot(id, row, question.askedAt, answers);
    if (!signal.aborted && !answers.failing) this.#options.streamOf(id).onAnswer(question, snapshot?.state);
    return snapshot;
  }

  #snapshot(id: string, row: Row, askedAt: number, answers: Answers): Snapshot<AnyEvents> | undefined {
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
    const { model, streamOf } = this.#options;
    const { record } = streamOf(id);
    if (record === undefined) return { state: "running" };
    const at = model.idOf(record, Math.max(0, lastEvent(record) - behind));
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
    const { model, streamOf } = this.#options;
    const { record } = streamOf(id);
    const all = record === undefined ? [] : model.eventsOf(record);
    const status = record === undefined ? "done" : record.status;
    // What has become of an interrupted stream is not known here.
    const isWhole = status === "done" || (status === "interrupted" && version % 2 === 0);
    const state = isWhole ? "done" : status === "cancelled" ? status : "failed";
    const events = [...all, `version ${version}`].map((data) => ({ event: "token", data }));
    const result: FinishedResult = { state, events };
    model.publish(result);
    return result;
  }
}
