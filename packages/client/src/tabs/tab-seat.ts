import type { TransportRequest } from "../connection/reconnect-loop.ts";
import { MemberSeat } from "../multiplex/member-seat.ts";
import { isDuplicate } from "../stream/cursor.ts";
import type { Batch, ResponseReader } from "../stream/stream-reader.ts";
import type { MemberBlock } from "./tab-messages.ts";

// Tested by test/tabs.

/** A member of this tab. */
export class TabSeat extends MemberSeat {
  /** Where its events come from. */
  source: "none" | "asked" | "own" | "leader" = "none";
  /** How often it was up to date in a row, and not where the leader was. */
  misses = 0;
  cancelQuestion: (() => void) | undefined;
  readonly #onLevel: (seat: TabSeat) => void;

  /** @param onLevel called when it has, from its own connection, all that there is */
  constructor(
    member: string,
    request: TransportRequest,
    maxPrefix: number,
    onLevel: (seat: TabSeat) => void,
  ) {
    super(member, request, maxPrefix);
    this.#onLevel = onLevel;
  }

  override push(batch: Batch): boolean {
    const isFull = super.push(batch);
    const isLevel = batch.deliveries.some(({ status }) => status === "live" || status === "waiting");
    if (this.source === "own" && !isFull && isLevel) this.#onLevel(this);
    return isFull;
  }

  /** Takes blocks of the leader. Returns whether it goes on; else something is missing, or too much waits. */
  take(blocks: readonly MemberBlock[]): "goes on" | "gap" | "full" {
    // An end takes it from the seat, while what came before the end still has to be taken.
    let { response } = this;
    let isFull = false;
    let hasGap = false;
    for (const { before, begins, data, event, id, retry } of blocks) {
      if (this.attempt.signal.aborted) break;
      if (begins) {
        isFull = this.#flush(response) || isFull;
        this.begin("");
        ({ response } = this);
        continue;
      }
      if (before !== this.cursor) {
        if (isDuplicate(id ?? before, this.cursor)) continue;
        hasGap = true;
        break;
      }
      if (id !== undefined) response?.onId(id);
      if (retry !== undefined) response?.onRetry(retry);
      if (event !== undefined) response?.onEvent(event, data ?? "", id);
    }
    isFull = this.#flush(response) || isFull;
    return isFull ? "full" : hasGap ? "gap" : "goes on";
  }

  #flush(response: ResponseReader | undefined): boolean {
    const batch = response?.take();
    return !!batch && (batch.deliveries.length > 0 || batch.cursor !== "") && this.push(batch);
  }
}
