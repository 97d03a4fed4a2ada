import type { ConnectionState } from "../connection/state.ts";
import type { FailureReason } from "../retry/connection-error.ts";

/** A block of a member, as the leader has read it. */
export interface MemberBlock {
  /** The cursor before it. A follower takes it only if that is its own. */
  readonly before: string;
  readonly id?: string;
  readonly retry?: number;
  /** Without it, the block has only an id. */
  readonly event?: string;
  readonly data?: string;
}

/** What tabs say on the channel of the group. */
export type GroupMessage =
  | { readonly type: "lead"; readonly term: number }
  | { readonly type: "ping" }
  | { readonly type: "pong"; readonly term: number }
  | {
      readonly type: "ask";
      readonly term: number;
      readonly tab: string;
      readonly member: string;
      readonly cursor: string;
    }
  | { readonly type: "leave"; readonly tab: string; readonly member: string };

/** What the leader says on the channel of a member. */
export type MemberMessage = { readonly term: number } & (
  | { readonly type: "blocks"; readonly blocks: readonly MemberBlock[] }
  /** To one tab: it is level, and goes on with these blocks; or it is behind, and needs a connection of its own. */
  | {
      readonly type: "answer";
      readonly tab: string;
      readonly isLevel: boolean;
      readonly blocks: readonly MemberBlock[];
      readonly state?: ConnectionState | undefined;
    }
  | { readonly type: "state"; readonly state: ConnectionState }
  | { readonly type: "refused"; readonly status: number; readonly retryAfter?: number | undefined }
  | {
      readonly type: "failed";
      readonly reason: FailureReason;
      readonly message: string;
      readonly status?: number | undefined;
    }
);
