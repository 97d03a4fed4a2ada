import type { AuditTotals, Finding } from "./audit/finding.ts";

/** What `holdfast tail` prints, in order. */
export type Record =
  | {
      readonly type: "event";
      readonly id: string | undefined;
      readonly event: string;
      readonly data: string;
    }
  | {
      readonly type: "state";
      readonly status: string;
      /** What is known beside it, for people. */
      readonly detail?: string;
      readonly attempt?: number;
      /** In ms. */
      readonly delay?: number;
      readonly reason?: string;
      readonly httpStatus?: number | undefined;
    }
  | { readonly type: "error"; readonly message: string }
  | ({ readonly type: "finding" } & Finding)
  | Summary;

export interface Summary extends AuditTotals {
  readonly type: "summary";
  /** In ms. */
  readonly duration: number;
  readonly events: number;
  /** Responses that began. */
  readonly connections: number;
  /** Connections that were cut on purpose. */
  readonly cuts: number;
}
