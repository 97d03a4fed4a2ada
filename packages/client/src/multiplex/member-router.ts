import { refusal } from "../request/response-loss.ts";
import type { Attempt } from "../retry/attempt.ts";
import { readFields } from "../stream/control-event.ts";
import type { ResponseReader, StreamReader } from "../stream/stream-reader.ts";
import type { Seat } from "./member-seat.ts";

// Tested by test/multiplex: multiplex.test.ts, hostile-servers.test.ts.

export interface RouterSettings {
  /** The members of the request that is under way. Those that the server has answered for good are removed. */
  readonly asked: Map<string, Seat>;
  /** Called when so much waits for a member that it must let go. */
  readonly letGo: (seat: Seat) => void;
  /** Called when the rest of the response cannot be read. */
  readonly restart: () => void;
  readonly onActivity: () => void;
}

/** Reads the shared connection: hands each block to the reader of its member (PROTOCOL.md, section 18.2). */
export function createMemberRouter({ asked, letGo, restart, onActivity }: RouterSettings): StreamReader {
  function open(attempt: Attempt, url: string): ResponseReader {
    const { signal } = attempt;
    const begun = new Set<Seat>();
    const touched = new Map<Seat, ResponseReader>();
    let current: Seat | undefined;
    /** The `retry:` of a block whose event has not come yet. */
    let retry: number | undefined;

    /** What takes a block of this member. With its first one, its own response begins. */
    function responseOf(seat: Seat | undefined): ResponseReader | undefined {
      if (signal.aborted || !seat) return undefined;
      if (!begun.has(seat)) {
        begun.add(seat);
        seat.begin(url);
      }
      if (!seat.response) return undefined;
      touched.set(seat, seat.response);
      return seat.response;
    }

    /** After this, the server sends nothing more for an attempt that has ended. */
    function forgetIfOver(seat: Seat | undefined): void {
      if (seat?.attempt.signal.aborted) asked.delete(seat.member);
    }

    for (const seat of asked.values()) seat.response = undefined;
    return {
      onId: (id) => responseOf(current)?.onId(id),
      onEvent(event, data, id) {
        if (signal.aborted) return;
        onActivity();
        const isSwitch = event === "stream.member";
        const isDrain = event === "stream.drain";
        const { member, reason = "", retryAfter, status } = isSwitch || isDrain ? readFields(data) : {};
        const blockRetry = retry;
        retry = undefined;
        if (isDrain && member === undefined) {
          if (blockRetry !== undefined) router.retry = blockRetry;
          return attempt.abort({ type: "drain", reason });
        }
        const seat = isSwitch || isDrain ? asked.get(member as string) : current;
        if (isSwitch) {
          current = seat;
          if (status !== undefined) {
            seat?.attempt.abort(refusal(Number(status), "", Number(retryAfter) || undefined));
          }
        } else {
          const response = responseOf(seat);
          if (blockRetry !== undefined) response?.onRetry(blockRetry);
          response?.onEvent(event, data, id);
          // Each member announces the heartbeats and the reconnection time of the connection.
          if (event === "stream.open" && seat) {
            router.heartbeat = seat.heartbeat;
            if (blockRetry !== undefined) router.retry = blockRetry;
          }
        }
        forgetIfOver(seat);
      },
      onComment: onActivity,
      onRetry(ms) {
        retry = ms;
      },
      onError() {
        const response = responseOf(current);
        if (!response) return attempt.abort({ reason: "too-large", message: "A block is too large." });
        response.onError();
        forgetIfOver(current);
        restart();
      },
      take() {
        for (const [seat, response] of touched) {
          if (seat.push({ ...response.take(), signal })) letGo(seat);
        }
        touched.clear();
        // The members have it.
        return { deliveries: [], cursor: "", isResumable: true, signal };
      },
    };
  }

  const router: StreamReader = {
    cursor: "",
    heartbeat: 15_000,
    open,
    conclude: (outcome) => outcome,
  };
  return router;
}
