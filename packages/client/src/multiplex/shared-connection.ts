import { readByHttp } from "../connection/http-transport.ts";
import type { Settings } from "../connection/options.ts";
import {
  createReconnectLoop,
  type ReconnectLoop,
  type TransportRequest,
} from "../connection/reconnect-loop.ts";
import type { ConnectionState } from "../connection/state.ts";
import { createRequest } from "../request/create-request.ts";
import type { Asked } from "../request/request-options.ts";
import { createMemberRouter } from "./member-router.ts";
import { createName, withMembers } from "./member-request.ts";
import { MemberSeat, type Seat } from "./member-seat.ts";

// Tested by test/multiplex: multiplex.test.ts, histories.test.ts.

/** Changes of the members within this time, in ms, are one. */
const CHANGE_WINDOW = 20;

/** The connection that the members share: it runs while there are any, and asks anew when they change. */
export class SharedConnection {
  /** Called when a member has made progress. */
  onProgress: () => void = () => undefined;
  readonly #url: Asked<string | URL>;
  readonly #settings: Settings;
  readonly #name = createName();
  /** The members that the next request asks for. */
  readonly #seats = new Map<string, Seat>();
  /** Those that the last request asked for, and that the server may still send. */
  readonly #asked = new Map<string, Seat>();
  #loop: ReconnectLoop<never> | undefined;
  #lifetime = new AbortController();
  #state: ConnectionState | undefined;
  #cancelChange: (() => void) | undefined;
  /** Whether a request is under way, not only prepared or waited for. */
  #isSent = false;
  /** Whether a member that the last request asked for has left, and may come back. */
  #hasLetGo = false;
  /** Whether the application asked to reconnect. */
  #isHurried = false;

  constructor(url: Asked<string | URL>, settings: Settings) {
    this.#url = url;
    this.#settings = settings;
  }

  createSeat(member: string, request: TransportRequest, maxPrefix: number): MemberSeat {
    return new MemberSeat(member, request, maxPrefix);
  }

  join(seat: Seat): void {
    if (this.#seats.has(seat.member)) {
      return seat.fail(new TypeError(`"${seat.member}" is connected already.`));
    }
    this.#seats.set(seat.member, seat);
    if (this.#state?.status === "retrying") seat.follow(this.#state);
    this.#planChange();
  }

  leave(seat: Seat): void {
    seat.response = undefined;
    if (this.#seats.get(seat.member) !== seat) return;
    this.#seats.delete(seat.member);
    // It may come back before the next request, which it needs: what the last one still sends, it does not take.
    if (!seat.attempt.signal.aborted && this.#asked.delete(seat.member)) this.#hasLetGo = true;
    if (this.#seats.size === 0) return this.#stop();
    this.#isHurried ||= seat.attempt.signal.reason?.reason === "reconnect";
    this.#planChange();
  }

  #planChange(): void {
    this.#cancelChange ??= this.#settings.clock.after(CHANGE_WINDOW, () => {
      const isHurried = this.#isHurried;
      this.#cancelChange = undefined;
      this.#isHurried = false;
      if (!this.#loop) this.#start();
      else if (!this.#isSent) {
        // The request will ask for those that are there then.
        if (isHurried) this.#loop.reconnect();
      } else if (this.#hasChanged()) this.#loop.interrupt("changed");
    });
  }

  #hasChanged(): boolean {
    const isAsked = (seat: Seat): boolean => this.#asked.get(seat.member) === seat;
    return (
      this.#hasLetGo || this.#asked.size !== this.#seats.size || ![...this.#seats.values()].every(isAsked)
    );
  }

  #start(): void {
    const settings = this.#settings;
    const lifetime = new AbortController();
    const loop = createReconnectLoop<never>(
      settings,
      {
        createReader: (onActivity, onProgress) => {
          this.onProgress = onProgress;
          return createMemberRouter({
            asked: this.#asked,
            letGo: (seat) => this.leave(seat),
            restart: () => loop.interrupt("changed"),
            onActivity,
          });
        },
        read: readByHttp(settings, async (_cursor, isResumption, attempt) => {
          const request = await createRequest(this.#url, settings, "", isResumption, attempt);
          this.#ask();
          this.#isSent = true;
          const members = [...this.#asked.values()].map(({ cursor, member }) => [member, cursor] as const);
          return withMembers(request, this.#name, members);
        }),
      },
      () => undefined,
      (state) => this.#follow(state),
      (reason, error) => this.#finish(reason, error),
    );
    this.#loop = loop;
    this.#lifetime = lifetime;
    // Its error is that of its members.
    loop
      .run(lifetime.signal)
      .next()
      .catch(() => undefined);
  }

  #ask(): void {
    this.#hasLetGo = false;
    this.#asked.clear();
    for (const [member, seat] of this.#seats) this.#asked.set(member, seat);
  }

  #follow(state: ConnectionState): void {
    this.#state = state;
    if (state.status !== "open") this.#isSent = false;
    if (state.status === "connecting") this.#ask();
    // A change of the members is no loss. That the response has begun, the router says to each.
    if (state.status === "open" || (state.status === "retrying" && state.reason === "changed")) return;
    for (const seat of this.#seats.values()) seat.follow(state);
  }

  #finish(reason: "done" | "failed", error: unknown): void {
    const ended = [...this.#asked.values()];
    this.#stop();
    for (const seat of ended) {
      if (reason === "failed") seat.fail(error);
      else seat.attempt.abort({ type: "done", reason });
    }
    // Some may have come after the request.
    if (this.#seats.size > 0) this.#planChange();
  }

  #stop(): void {
    this.#lifetime.abort();
    this.#cancelChange?.();
    this.#loop = this.#state = this.#cancelChange = undefined;
    this.#asked.clear();
  }
}
