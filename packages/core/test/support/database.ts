import type { AnyEvents } from "../../src/protocol/event.ts";
import type { AskSnapshot, Snapshot } from "../../src/stream/snapshot.ts";

/** A question under way. */
interface Question {
  readonly id: string;
  readonly signal: AbortSignal;
  /** Answers it, whether anybody still listens or not. */
  readonly answer: (snapshot: Snapshot<AnyEvents> | null | undefined) => void;
  readonly fail: (error: unknown) => void;
}

/** A database that is asked, and a test that answers. */
export interface Database {
  readonly snapshot: AskSnapshot<AnyEvents>;
  /** Every question so far. */
  readonly asked: Question[];
  /** The newest question. */
  readonly last: Question;
}

export function database(): Database {
  const asked: Question[] = [];
  return {
    asked,
    get last() {
      const question = asked.at(-1);
      if (question === undefined) throw new Error("Nothing was asked.");
      return question;
    },
    snapshot: (id, { signal }) =>
      new Promise((resolve, reject) => {
        asked.push({ id, signal, answer: resolve, fail: reject });
      }),
  };
}
