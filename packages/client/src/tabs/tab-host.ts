import type { Timers } from "../base/clock.ts";
import type { Settings } from "../connection/options.ts";
import type { TransportRequest } from "../connection/reconnect-loop.ts";
import type { MemberHost } from "../multiplex/multiplex.ts";
import type { SharedConnection } from "../multiplex/shared-connection.ts";
import { ConnectionError } from "../retry/connection-error.ts";
import { MemberChannels } from "./member-channels.ts";
import { RelayTable } from "./relay-table.ts";
import type { TabApis } from "./tab-apis.ts";
import { TabGroup } from "./tab-group.ts";
import {
  type GroupMessageBody,
  type MemberBlock,
  type MemberMessage,
  type MemberMessageBody,
  withoutCause,
} from "./tab-messages.ts";
import { TabSeat } from "./tab-seat.ts";

// Tested by test/tabs.

/** A member that was up to date, but not where the leader was, asks again after this time, in ms; the next time after twice as much. */
const QUESTION_DELAY = 1_000;
const MAX_DOUBLINGS = 6;

/** Where the members of this tab read: from the leading tab when they are level with it, else on a connection of their own. */
export class TabHost implements MemberHost<TabSeat> {
  readonly onProgress = (): void => {
    this.#own.onProgress();
    this.#shared.onProgress();
  };
  readonly #apis: TabApis;
  readonly #clock: Timers;
  /** The connection of this tab alone, for members that are not level with the leader. */
  readonly #own: SharedConnection;
  /** The connection for all tabs, while this one leads. */
  readonly #shared: SharedConnection;
  readonly #group: TabGroup;
  readonly #relays: RelayTable;
  readonly #channels: MemberChannels;
  readonly #seats = new Map<string, TabSeat>();
  #isAlone = false;
  /** Whether the page is in a cache, or frozen. */
  #isSuspended = false;
  #stopWatching: (() => void) | undefined;

  /** @param nameOf the name that the locks and channels begin with */
  constructor(
    nameOf: () => Promise<string>,
    apis: TabApis,
    settings: Pick<Settings, "clock" | "random">,
    connectionOf: () => SharedConnection,
  ) {
    this.#apis = apis;
    this.#clock = settings.clock;
    this.#own = connectionOf();
    this.#shared = connectionOf();
    this.#group = new TabGroup(nameOf, apis, settings, {
      onLead: () => this.#askForAll(),
      onResign: () => this.#relays.clear(),
      onLeader: () => this.#askForAll(),
      onMessage: (message) => this.#group.isLeader && this.#relays.serve(message),
      onUnavailable: () => this.#goAlone(),
    });
    this.#channels = new MemberChannels(
      (member) => this.#group.openChannel(member),
      (member, data) => this.#hear(member, data as MemberMessage),
    );
    this.#relays = new RelayTable(this.#shared, {
      say: (member, body) => this.#say(member, body),
      onUnauthorized: (error) => this.#refuse(error),
      onOpen: (relay) => this.#channels.use(relay.member, relay),
      onClose: (relay) => this.#channels.drop(relay.member, relay),
      watchTab: (tab, onGone, signal) => {
        if (tab !== this.#group.id) this.#group.onGone(tab, onGone, signal);
      },
    });
  }

  get role(): "leader" | "follower" | "alone" {
    if (this.#isAlone) return "alone";
    return this.#group.isLeader ? "leader" : "follower";
  }

  createSeat(member: string, request: TransportRequest, maxPrefix: number): TabSeat {
    return new TabSeat(member, request, maxPrefix, (seat) => this.#planQuestion(seat));
  }

  join(seat: TabSeat): void {
    this.#seats.set(seat.member, seat);
    this.#stopWatching ??= this.#apis.onLifecycle(
      () => this.#suspend(),
      () => this.#resume(),
    );
    if (!this.#isSuspended) this.#seek(seat);
  }

  leave(seat: TabSeat): void {
    if (this.#seats.get(seat.member) !== seat) return;
    this.#seats.delete(seat.member);
    this.#detach(seat);
    this.#tell({ type: "leave", tab: this.#group.id, member: seat.member });
    if (this.#seats.size > 0) return;
    this.#group.close();
    if (!this.#isSuspended) this.#stopLifecycle();
  }

  #stopLifecycle(): void {
    this.#stopWatching?.();
    this.#stopWatching = undefined;
  }

  /** The page is hidden away or frozen: everything is released, so that it may enter the cache. */
  #suspend(): void {
    this.#isSuspended = true;
    for (const seat of this.#seats.values()) this.#detach(seat);
    this.#group.close();
  }

  #resume(): void {
    if (!this.#isSuspended) return;
    this.#isSuspended = false;
    if (this.#seats.size === 0) return this.#stopLifecycle();
    for (const seat of this.#seats.values()) if (!seat.isFull) this.#seek(seat);
  }

  #goAlone(): void {
    this.#isAlone = true;
    for (const seat of this.#seats.values()) this.#detach(seat);
    this.#group.close();
    for (const seat of this.#seats.values()) if (!seat.isFull) this.#seek(seat);
  }

  #seek(seat: TabSeat): void {
    if (this.#isAlone) return this.#readOwn(seat);
    this.#group.open();
    this.#ask(seat);
  }

  #readOwn(seat: TabSeat): void {
    seat.source = "own";
    this.#own.join(seat);
  }

  #detach(seat: TabSeat): void {
    seat.cancelQuestion?.();
    this.#own.leave(seat);
    this.#channels.drop(seat.member, seat);
    seat.response = undefined;
    seat.source = "none";
  }

  #askForAll(): void {
    for (const seat of this.#seats.values()) {
      // One with a connection of its own asks when it is level, a full one when its consumer has taken what waits.
      if (seat.source !== "own" && !seat.isFull) this.#ask(seat);
      else if (seat.misses > 0) this.#planQuestion(seat);
    }
  }

  #ask(seat: TabSeat): void {
    const { member } = seat;
    seat.response = undefined;
    seat.source = "asked";
    // Without a leader, it is asked when there is one.
    if (!this.#group.hasLeader) return;
    this.#channels.use(member, seat);
    this.#tell({ type: "ask", tab: this.#group.id, member, cursor: seat.cursor });
  }

  #tell(body: GroupMessageBody): void {
    if (this.#group.isLeader) this.#relays.serve({ ...body, term: this.#group.term });
    else this.#group.post(body);
  }

  /** It has a connection of its own, and is up to date: from here on the leader's is enough. */
  #planQuestion(seat: TabSeat): void {
    const delay = seat.misses && QUESTION_DELAY * 2 ** Math.min(seat.misses - 1, MAX_DOUBLINGS);
    seat.cancelQuestion?.();
    seat.cancelQuestion = this.#clock.after(delay, () => {
      if (this.#isAlone || seat.source !== "own") return;
      seat.misses++;
      this.#own.leave(seat);
      this.#ask(seat);
    });
  }

  #hear(member: string, message: MemberMessage): void {
    const seat = this.#seats.get(member);
    if (!seat || message.term < this.#group.term || seat.attempt.signal.aborted) return;
    if (message.type === "answer") {
      if (message.tab !== this.#group.id || seat.source !== "asked") return;
      if (message.verdict !== "level") return this.#readOwn(seat);
      seat.misses = 0;
      seat.source = "leader";
      this.#take(seat, message.blocks);
      if (message.state) seat.follow(message.state);
      return;
    }
    if (seat.source !== "leader") return;
    switch (message.type) {
      case "blocks":
        return this.#take(seat, message.blocks);
      case "state":
        return seat.follow(message.state);
      case "outcome":
        return seat.attempt.abort(message.outcome);
      case "failed":
        return seat.fail(new ConnectionError(message.reason, message.message, { status: message.status }));
    }
  }

  #take(seat: TabSeat, blocks: readonly MemberBlock[]): void {
    const outcome = seat.take(blocks);
    // A full one asks again when its consumer has taken what waits.
    if (outcome === "full") this.#detach(seat);
    else if (outcome === "gap") this.#ask(seat);
  }

  /** Says it to all tabs, this one included. */
  #say(member: string, body: MemberMessageBody): void {
    const { term } = this.#group;
    // For a member that it has no room for, the leader has no channel.
    this.#channels.use(member, this);
    this.#channels.post(member, { ...withoutCause(body), term });
    this.#channels.drop(member, this);
    this.#hear(member, { ...body, term });
  }

  /** Another tab may have better credentials. */
  #refuse(error: unknown): void {
    for (const seat of this.#seats.values()) seat.fail(error);
    queueMicrotask(() => this.#group.handOver());
  }
}
