import type { AnyEvents } from "../../src/protocol/event.ts";
import type { AskSnapshot, Snapshot } from "../../src/stream/snapshot.ts";

/** A call of `snapshot` that the test answers. */
interface Query {
  readonly id: string;
  readonly signal: AbortSignal;
  /** Resolves the call, even if `signal` has aborted. */
  readonly answer: (snapshot: Snapshot<AnyEvents> | null | undefined) => void;
  readonly fail: (error: unknown) => void;
}

/** The application's database: a `snapshot` option whose calls the test answers. */
export interface Database {
  readonly snapshot: AskSnapshot<AnyEvents>;
  /** All queries, oldest first. */
  readonly queries: Query[];
  /** @throws if there was no query */
  readonly lastQuery: Query;
}

export function createDatabase(): Database {
  const queries: Query[] = [];
  return {
    queries,
    get lastQuery() {
      const query = queries.at(-1);
      if (query === undefined) throw new Error("There was no query.");
      return query;
    },
    snapshot: (id, { signal }) =>
      new Promise((resolve, reject) => {
        queries.push({ id, signal, answer: resolve, fail: reject });
      }),
  };
}
