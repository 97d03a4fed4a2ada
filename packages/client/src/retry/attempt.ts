import type { Details } from "./connection-error.ts";
import type { Loss } from "./loss.ts";

/** How an attempt ended. Every outcome but a loss has a `type`, which says what follows. */
export type AttemptOutcome =
  /** The request or the response was lost: the policy decides what follows. */
  | (Loss & { readonly type?: undefined })
  | (Partial<Details> & {
      /**
       * - `drain`: the server asked the client to reconnect after its `retry:`, and gave the reason.
       * - `interrupt`: the client itself ended it, to reconnect at once or because the connection is over.
       * - `done`: the stream is complete.
       * - `fatal`: the stream has ended otherwise, or no other attempt can succeed.
       */
      readonly type: "drain" | "interrupt" | "done" | "fatal";
      readonly reason: string;
      readonly message?: string;
    });

/**
 * One attempt to read the stream, that is, a request and its response: an `AbortController` whose reason is the
 * outcome. Only the first outcome counts. It ends everything that is under way for the attempt.
 */
export interface Attempt extends AbortController {
  readonly signal: AbortSignal & { readonly reason: AttemptOutcome | undefined };
  abort(outcome: AttemptOutcome): void;
}
