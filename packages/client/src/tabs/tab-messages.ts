import type { ConnectionState } from "../connection/state.ts";
import type { AttemptOutcome } from "../retry/attempt.ts";
import type { FailureReason } from "../retry/connection-error.ts";

/** A block of a member, as the leader has read it. */
export interface MemberBlock {
  /** The cursor before it. A follower takes it only if that is its own. */
  readonly before: string;
  /** Whether a response begins, instead of a block. */
  readonly begins?: true;
  readonly id?: string;
  readonly retry?: number;
  /** Without it, the block has only an id. */
  readonly event?: string;
  readonly data?: string;
}

/** What tabs say on the channel of the group. The term is the highest that the sender knows. */
export type GroupMessage = { readonly term: number } & (
  | { readonly type: "lead" | "ping" | "pong" }
  | { readonly type: "ask"; readonly tab: string; readonly member: string; readonly cursor: string }
  | { readonly type: "leave"; readonly tab: string; readonly member: string }
);

/** What the leader says on the channel of a member. The term is its own. */
export type MemberMessage = { readonly term: number } & (
  | { readonly type: "blocks"; readonly blocks: readonly MemberBlock[] }
  /** To one tab. */
  | {
      readonly type: "answer";
      readonly tab: string;
      /** It goes on with these blocks; or it is behind, and needs a connection of its own; or there is no room for the member. */
      readonly verdict: "level" | "behind" | "full";
      readonly blocks: readonly MemberBlock[];
      /** The state of the leader's connection, while it is lost. */
      readonly state?: ConnectionState | undefined;
    }
  | { readonly type: "state"; readonly state: ConnectionState }
  /** The server has answered for good, or for this attempt. */
  | { readonly type: "outcome"; readonly outcome: AttemptOutcome }
  | {
      readonly type: "failed";
      readonly reason: FailureReason;
      readonly message: string;
      readonly status?: number | undefined;
    }
);

type WithoutTerm<Message> = Message extends unknown ? Omit<Message, "term"> : never;
export type GroupMessageBody = WithoutTerm<GroupMessage>;
export type MemberMessageBody = WithoutTerm<MemberMessage>;

/** The message as it can be posted: what was thrown may be something that cannot be cloned. */
export function withoutCause<Body extends MemberMessageBody>(body: Body): Body {
  if ("outcome" in body) return { ...body, outcome: { ...body.outcome, cause: undefined } };
  if (!("state" in body) || body.state?.status !== "retrying") return body;
  const { loss } = body.state;
  return { ...body, state: { ...body.state, cause: undefined, loss: loss && { ...loss, cause: undefined } } };
}
