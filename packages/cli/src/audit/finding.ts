/** What is wrong with a stream. */
export type Finding =
  /** Numbers were left out, and the server did not say so. */
  | { readonly kind: "gap"; readonly from: number; readonly to: number }
  /** The server said that events are lost, or with `lost: null` that the client must start over. */
  | {
      readonly kind: "reset";
      readonly reason: string;
      readonly lost: readonly [from: number, to: number] | null;
    }
  /** The same event arrived again. */
  | { readonly kind: "double"; readonly id: string }
  /** An event arrived behind a later one. */
  | { readonly kind: "backwards"; readonly id: string; readonly after: string }
  /** Another event arrived with the id of an earlier one. */
  | { readonly kind: "reused"; readonly id: string }
  /** The server took no notice of the cursor, and began with its first event. */
  | { readonly kind: "restart"; readonly cursor: string };

export interface AuditTotals {
  /** Events that never arrived, declared or not. */
  readonly lost: number;
  readonly doubled: number;
  readonly backwards: number;
  readonly reused: number;
  readonly restarts: number;
  /** How often the client had to start over. */
  readonly resets: number;
  /** Events whose own id was missing: no loss of them can be seen. */
  readonly withoutId: number;
  /** Holes in numbers that are not known to be without holes. They are not counted as lost. */
  readonly holes: number;
}
