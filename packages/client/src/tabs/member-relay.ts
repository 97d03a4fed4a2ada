import type { ConnectionState } from "../connection/state.ts";
import type { Seat } from "../multiplex/member-seat.ts";
import type { Attempt } from "../retry/attempt.ts";
import type { Batch, ResponseReader } from "../stream/stream-reader.ts";
import { isDuplicate } from "../stream/cursor.ts";
import type { MemberBlock } from "./tab-messages.ts";

// Tested by test/tabs.

/** What a relay keeps of its last blocks, in characters, for tabs that are a little behind. */
const MAX_KEPT = 65_536;

export interface RelayHandlers {
  readonly onBlocks: (blocks: readonly MemberBlock[]) => void;
  readonly onState: (state: ConnectionState) => void;
  readonly onFailure: (error: unknown) => void;
}

/** Reads a member in the leading tab, for all tabs. */
export class MemberRelay implements Seat {
  readonly member: string;
  readonly attempt: Attempt = new AbortController();
  response: ResponseReader | undefined;
  cursor: string;
  readonly heartbeat = 15_000;
  /** The state of the shared connection, while it is lost. */
  state: ConnectionState | undefined;
  readonly #handlers: RelayHandlers;
  #blocks: MemberBlock[] = [];
  readonly #kept: MemberBlock[] = [];
  #keptSize = 0;
  #isInPrefix = false;

  constructor(member: string, cursor: string, handlers: RelayHandlers) {
    this.member = member;
    this.cursor = cursor;
    this.#handlers = handlers;
  }

  /**
   * The blocks behind this cursor; `undefined` if they are not kept. Behind a cursor that is ahead of this one come those that
   * will be read: whoever has it skips what it has.
   */
  behind(cursor: string): readonly MemberBlock[] | undefined {
    const index = this.#kept.findIndex(({ before }) => before === cursor);
    if (index >= 0) return this.#kept.slice(index);
    const isLevel = cursor === this.cursor || isDuplicate(this.cursor, cursor);
    return isLevel && !this.#isInPrefix ? [] : undefined;
  }

  begin(): void {
    this.state = undefined;
    this.response = {
      onId: (id) => this.#add({ before: this.cursor, id }),
      onRetry: (retry) => this.#add({ before: this.cursor, retry }),
      onEvent: (event, data, id) => this.#readEvent(event, data, id),
      onComment: () => undefined,
      onError: () => this.attempt.abort({ reason: "too-large", message: "A block is too large." }),
      take: () => ({ deliveries: [], cursor: this.cursor, isResumable: true, signal: this.attempt.signal }),
    };
  }

  follow(state: ConnectionState): void {
    this.state = state;
    this.#handlers.onState(state);
  }

  push(_batch: Batch): boolean {
    if (this.#blocks.length > 0) this.#handlers.onBlocks(this.#blocks);
    this.#blocks = [];
    return false;
  }

  fail(error: unknown): void {
    this.#handlers.onFailure(error);
    this.attempt.abort({ type: "interrupt", reason: "failed" });
  }

  #readEvent(event: string, data: string, id: string | undefined): void {
    // Its id was reported before it: they are one block.
    const last = this.#blocks.at(-1);
    const hasId = id !== undefined && last !== undefined && last.id === id && last.event === undefined;
    if (event === "stream.open") this.#isInPrefix = id === undefined;
    if (event === "stream.reset" && id === undefined) this.cursor = "";
    if (hasId) this.#merge(last, { ...last, event, data });
    else this.#add({ before: this.cursor, event, data });
    // After these two, the server sends nothing more of this member.
    if (event === "stream.end" || event === "stream.drain") {
      this.attempt.abort({ type: "interrupt", reason: "over" });
    }
  }

  #merge(last: MemberBlock, block: MemberBlock): void {
    this.#blocks[this.#blocks.length - 1] = block;
    if (this.#kept.at(-1) === last) this.#kept[this.#kept.length - 1] = block;
    this.#keptSize += block.data?.length ?? 0;
  }

  #add(block: MemberBlock): void {
    this.#blocks.push(block);
    if (block.id !== undefined) {
      this.cursor = block.id;
      this.#isInPrefix = false;
    }
    this.#kept.push(block);
    this.#keptSize += (block.data?.length ?? 0) + 100;
    // Blocks of one cursor go together: half a snapshot prefix is none.
    while (this.#keptSize > MAX_KEPT && this.#kept.length > 0) {
      const { before } = this.#kept[0] as MemberBlock;
      while (this.#kept[0]?.before === before) {
        this.#keptSize -= (this.#kept.shift()?.data?.length ?? 0) + 100;
      }
    }
  }
}
