import type { ConnectionState } from "../connection/state.ts";
import type { Seat } from "../multiplex/member-seat.ts";
import type { Attempt } from "../retry/attempt.ts";
import { readFields } from "../stream/control-event.ts";
import { isDuplicate } from "../stream/cursor.ts";
import type { Batch, ResponseReader } from "../stream/stream-reader.ts";
import type { MemberBlock } from "./tab-messages.ts";

// Tested by test/tabs.

/** What a relay keeps of its last blocks, in characters, for tabs that are a little behind. */
const MAX_KEPT = 65_536;
/** What a block costs besides its data, in characters. */
const BLOCK_OVERHEAD = 100;

const sizeOf = ({ data = "" }: MemberBlock): number => data.length + BLOCK_OVERHEAD;

export interface RelayHandlers {
  readonly onBlocks: (blocks: readonly MemberBlock[]) => void;
  readonly onState: (state: ConnectionState) => void;
  readonly onFailure: (error: unknown) => void;
  /** The server has sent what nobody has yet. */
  readonly onProgress: () => void;
}

/** Reads a member in the leading tab, for all tabs. */
export class MemberRelay implements Seat {
  readonly member: string;
  readonly attempt: Attempt = new AbortController();
  response: ResponseReader | undefined;
  cursor: string;
  heartbeat = 15_000;
  /** The state of the shared connection, while it is lost. */
  state: ConnectionState | undefined;
  readonly #handlers: RelayHandlers;
  /** What the followers do not have yet. */
  #blocks: MemberBlock[] = [];
  #kept: MemberBlock[] = [];
  #keptSize = 0;
  /** Whether a tab that has everything is up to date. */
  #isLive = false;
  /** Whether an event without an id belongs to a snapshot prefix. */
  #isInPrefix = false;
  /** Whether a part of a snapshot prefix was read: nobody can join within it. */
  #hasPartialPrefix = false;

  constructor(member: string, cursor: string, handlers: RelayHandlers) {
    this.member = member;
    this.cursor = cursor;
    this.#handlers = handlers;
  }

  /**
   * What a tab with this cursor goes on with; `undefined` if that is not kept. A tab that is ahead goes on with what will be
   * read, and skips what it has.
   */
  behind(cursor: string): readonly MemberBlock[] | undefined {
    if (this.#hasPartialPrefix) return undefined;
    if (cursor === "" && this.cursor !== "") return undefined; // the server decides where it begins
    const index = this.#kept.findIndex(({ before }) => before === cursor);
    const isLevel = cursor === this.cursor || isDuplicate(this.cursor, cursor);
    if (index < 0 && !isLevel) return undefined;
    const blocks = index < 0 ? [] : this.#kept.slice(index);
    if (this.response || blocks.length > 0) blocks.unshift({ before: cursor, begins: true });
    if (this.#isLive) {
      blocks.push({ before: index < 0 ? cursor : this.cursor, event: "stream.live", data: "{}" });
    }
    return blocks;
  }

  begin(): void {
    this.state = undefined;
    this.#isLive = false;
    // What came of a snapshot prefix comes again.
    if (this.#hasPartialPrefix) this.#forget();
    this.#hasPartialPrefix = this.#isInPrefix = false;
    this.#add({ before: this.cursor, begins: true });
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
    this.#isLive = false;
    this.#handlers.onState(state);
  }

  push(_batch: Batch): boolean {
    this.flush();
    return false;
  }

  /** Hands on what was read. */
  flush(): void {
    const blocks = this.#blocks;
    this.#blocks = [];
    if (blocks.length > 0) this.#handlers.onBlocks(blocks);
  }

  fail(error: unknown): void {
    this.#handlers.onFailure(error);
    this.attempt.abort({ type: "interrupt", reason: "failed" });
  }

  #readEvent(event: string, data: string, id: string | undefined): void {
    const before = this.cursor;
    switch (event) {
      case "stream.open": {
        const { heartbeat } = readFields(data);
        if (heartbeat !== undefined) this.heartbeat = heartbeat ?? Infinity;
        this.#isInPrefix = id === undefined;
        break;
      }
      case "stream.reset":
        if (id !== undefined) break;
        this.cursor = "";
        this.#forget();
        break;
      case "stream.live":
        this.#isLive = true;
        break;
      case "stream.error":
        if (readFields(data).code === "INTERRUPTED") this.#isLive = false;
        break;
      default:
        this.#hasPartialPrefix ||= this.#isInPrefix && id === undefined && !event.startsWith("stream.");
    }
    // Its id was reported before it: they are one block.
    const last = this.#blocks.at(-1);
    if (id !== undefined && last?.id === id && last.event === undefined) this.#merge(last, event, data);
    else this.#add({ before, event, data });
    // After these two, the server sends nothing more of this member.
    if (event === "stream.end" || event === "stream.drain") {
      this.attempt.abort({ type: "interrupt", reason: "over" });
    }
  }

  #merge(last: MemberBlock, event: string, data: string): void {
    const block = { ...last, event, data };
    this.#blocks[this.#blocks.length - 1] = block;
    if (this.#kept.at(-1) !== last) return;
    this.#kept[this.#kept.length - 1] = block;
    this.#keptSize += data.length;
  }

  #add(block: MemberBlock): void {
    const { before, id } = block;
    this.#blocks.push(block);
    if (id !== undefined) {
      this.cursor = id;
      this.#isInPrefix = this.#hasPartialPrefix = false;
      if (!isDuplicate(id, before)) this.#handlers.onProgress();
    }
    this.#kept.push(block);
    this.#keptSize += sizeOf(block);
    // Blocks of one cursor go together: half a snapshot prefix is none.
    while (this.#keptSize > MAX_KEPT) {
      const { before: oldest } = this.#kept[0] as MemberBlock;
      while (this.#kept[0]?.before === oldest) this.#keptSize -= sizeOf(this.#kept.shift() as MemberBlock);
    }
  }

  #forget(): void {
    this.#kept = [];
    this.#keptSize = 0;
  }
}
