import type { AskSnapshot, Snapshot } from "../../src/stream/snapshot.ts";
import type { AnyEvents } from "../../src/protocol/event.ts";
import type { FakeClock } from "../../src/testing/index.ts";
import type { Life, Result, Truth } from "./truth.ts";

/** What stands in a row. `running` says so of the present life, so many events behind it. */
export type Row =
  | { readonly is: "none" | "pending" | "nowhere" | "throwing" | "garbage" }
  | { readonly is: "running"; readonly behind: number }
  | { readonly is: "finished"; readonly version: number };

interface Question {
  readonly id: string;
  readonly signal: AbortSignal;
  /** The row as it was when the question was asked. */
  readonly row: Row;
  readonly resolve: (snapshot: Snapshot<AnyEvents> | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** What was last heard of an id. */
export interface Heard {
  /** When it was last said not to be there. */
  gone: number;
  /** When the database last failed. */
  failed: number;
  /** How often it has answered. */
  answers: number;
  /** Whether it failed at the last time. */
  failing: boolean;
}

/** The service's own database: prompt, or as slow as the history has it. */
export class ModelDatabase {
  readonly #clock: FakeClock;
  readonly #truth: Truth;
  readonly #lifeOf: (id: string) => Life | undefined;
  readonly #prompt: boolean;
  readonly #rows = new Map<string, Row>();
  readonly #heard = new Map<string, Heard>();
  #questions: Question[] = [];

  constructor(clock: FakeClock, truth: Truth, lifeOf: (id: string) => Life | undefined, prompt: boolean) {
    this.#clock = clock;
    this.#truth = truth;
    this.#lifeOf = lifeOf;
    this.#prompt = prompt;
  }

  readonly ask: AskSnapshot<AnyEvents> = (id, { signal }) => {
    if (signal.aborted) throw new Error("Asked for nobody");
    this.check();
    if (this.#questions.some((question) => question.id === id && !question.signal.aborted)) {
      throw new Error(`Two questions at once for ${id}`);
    }
    const row = this.row(id);
    if (this.#prompt) return this.#read(id, row);
    return new Promise((resolve, reject) => this.#questions.push({ id, signal, row, resolve, reject }));
  };

  row(id: string): Row {
    return this.#rows.get(id) ?? { is: "pending" };
  }

  save(id: string, row: Row): void {
    this.#rows.set(id, row);
  }

  heard(id: string): Heard {
    const heard = this.#heard.get(id) ?? { gone: -Infinity, failed: -Infinity, answers: 0, failing: false };
    this.#heard.set(id, heard);
    return heard;
  }

  /** Answers one question: as the row is now, or as it was when it was asked. */
  answer(which: number, stale: boolean): void {
    const question = this.#questions[which % Math.max(1, this.#questions.length)];
    if (question === undefined) return;
    this.#questions = this.#questions.filter((other) => other !== question);
    const { id, resolve, reject } = question;
    try {
      resolve(this.#read(id, stale ? question.row : this.row(id), question.signal.aborted));
    } catch (error) {
      reject(error);
    }
  }

  answerAll(): void {
    while (this.#questions.length > 0) this.answer(0, false);
  }

  check(): void {
    const wanted = this.#questions.filter(({ signal }) => !signal.aborted);
    if (wanted.length > new Set(wanted.map(({ id }) => id)).size) throw new Error("Two questions at once");
  }

  /** Nobody is interested in anything any more. */
  nothingLeft(): void {
    if (this.#questions.some(({ signal }) => !signal.aborted)) throw new Error("A question for nobody");
  }

  #read(id: string, row: Row, unheard = false): Snapshot<AnyEvents> | undefined {
    const heard = unheard ? { ...this.heard(id) } : this.heard(id);
    heard.failing = row.is === "throwing" || row.is === "garbage";
    if (heard.failing) heard.failed = this.#clock.now();
    else heard.answers++;
    switch (row.is) {
      case "none":
        heard.gone = this.#clock.now();
        return undefined;
      case "pending":
        return { state: "pending" };
      case "nowhere":
        return { state: "running" };
      case "throwing":
        throw new Error("The database is down.");
      case "garbage":
        return { state: "done", events: [{ data: 1n }] };
      case "running":
        return this.#running(id, row.behind);
      case "finished":
        return this.#finished(id, row.version);
    }
  }

  /** Two events that say where they stand; the first has no id on the wire. */
  #running(id: string, behind: number): Snapshot<AnyEvents> {
    const life = this.#lifeOf(id);
    if (life === undefined) return { state: "running" };
    const at = `${life.epoch}.${Math.max(0, life.events.length - behind)}`;
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
    const { status, events: all } = this.#lifeOf(id) ?? { status: "done", events: [] };
    const state = status === "done" || status === "cancelled" ? status : "failed";
    const events = [...all, `version ${version}`].map((data) => ({ event: "token", data }));
    const result: Result = { state, events };
    this.#truth.publish(result);
    return result;
  }
}
