import type { Machine } from "../common/machine.ts";

/** The events of the feed, by name. */
export interface OrderEvents {
  placed: OrderEvent;
  shipped: OrderEvent;
}

interface OrderEvent {
  readonly order: number;
  readonly item: string;
  /** The number of the transaction that has pushed it. Those that were rolled back leave gaps. */
  readonly attempt: number;
}

/** What Postgres says of the transactions. */
export interface Ledger {
  readonly committed: number;
  readonly rolledBack: number;
  /** Those that are not over. */
  readonly open: number;
  /** Nothing has changed for two seconds: what is committed should be shown now. */
  readonly isSettled: boolean;
}

/** All processes, as they are sent to the page. */
export interface Machines {
  readonly a: Machine;
  readonly b: Machine;
  readonly worker: Machine;
  readonly postgres: Machine;
  readonly ledger: Ledger;
}
