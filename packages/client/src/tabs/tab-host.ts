import type { Timers } from "../base/clock.ts";
import type { TransportRequest } from "../connection/reconnect-loop.ts";
import type { MemberHost } from "../multiplex/multiplex.ts";
import { MemberSeat } from "../multiplex/member-seat.ts";
import type { SharedConnection } from "../multiplex/shared-connection.ts";
import { refusal } from "../request/response-loss.ts";
import { ConnectionError, isConnectionError } from "../retry/connection-error.ts";
import type { Batch } from "../stream/stream-reader.ts";
import { isDuplicate } from "../stream/cursor.ts";
import { MemberRelay } from "./member-relay.ts";
import { type Channel, type TabApis, TabGroup } from "./tab-group.ts";
import type { GroupMessage, MemberBlock, MemberMessage } from "./tab-messages.ts";

// Tested by test/tabs.

/** A member of this tab. */
class TabSeat extends MemberSeat {
  /** Where its events come from. */
  source: "none" | "asked" | "own" | "leader" = "none";
  readonly #onLive: (seat: TabSeat) => void;
  channel: Channel | undefined;

  constructor(member: string, request: TransportRequest, maxPrefix: number, onLive: (seat: TabSeat) => void) {
    super(member, request, maxPrefix);
    this.#onLive = onLive;
  }

  override push(batch: Batch): boolean {
    const isFull = super.push(batch);
    if (!isFull && batch.deliveries.some(({ status }) => status === "live")) this.#onLive(this);
    return isFull;
  }
}

interface Relayed {
  readonly relay: MemberRelay;
  readonly channel: Channel;
  /** The tabs that want it. */
  readonly tabs: Set<string>;
}

/** Where the members of this tab read: from the leading tab when they are level with it, else on a connection of their own. */
export class TabHost implements MemberHost<TabSeat> {
  readonly onProgress = (): void => {
    this.#own.onProgress();
    this.#shared.onProgress();
  };
  readonly #name: string;
  readonly #apis: TabApis;
  /** The connection of this tab alone, for members that are not level with the leader. */
  readonly #own: SharedConnection;
  /** The connection for all tabs, while this one leads. */
  readonly #shared: SharedConnection;
  readonly #group: TabGroup;
  readonly #seats = new Map<string, TabSeat>();
  readonly #relayed = new Map<string, Relayed>();
  /** Ends with the leadership of this tab. */
  #reign = new AbortController();
  readonly #known = new Set<string>();
  #stopWatching: (() => void) | undefined;

  constructor(name: string, apis: TabApis, clock: Timers, connectionOf: () => SharedConnection) {
    this.#name = name;
    this.#apis = apis;
    this.#own = connectionOf();
    this.#shared = connectionOf();
    this.#group = new TabGroup(name, apis, clock, {
      onLead: () => {
        this.#reign = new AbortController();
        this.#askForAll();
      },
      onResign: () => this.#dropRelays(),
      onLeader: () => this.#askForAll(),
      onMessage: (message) => this.#serve(message),
    });
  }

  get role(): "leader" | "follower" {
    return this.#group.isLeader ? "leader" : "follower";
  }

  createSeat(member: string, request: TransportRequest, maxPrefix: number): TabSeat {
    return new TabSeat(member, request, maxPrefix, (seat) => this.#level(seat));
  }

  join(seat: TabSeat): void {
    this.#seats.set(seat.member, seat);
    this.#stopWatching ??= this.#apis.onLifecycle(
      () => this.#suspend(),
      () => this.#resume(),
    );
    this.#group.open();
    this.#ask(seat);
  }

  leave(seat: TabSeat): void {
    if (this.#seats.get(seat.member) !== seat) return;
    this.#seats.delete(seat.member);
    this.#detach(seat);
    this.#tell({ type: "leave", tab: this.#group.id, member: seat.member });
    if (this.#seats.size > 0) return;
    this.#group.close();
    this.#stopWatching?.();
    this.#stopWatching = undefined;
  }

  /** The page is hidden away or frozen: everything is released, so that it may enter the cache. */
  #suspend(): void {
    for (const seat of this.#seats.values()) this.#detach(seat);
    this.#group.close();
  }

  #resume(): void {
    if (this.#group.isOpen) return;
    this.#group.open();
    this.#askForAll();
  }

  #detach(seat: TabSeat): void {
    this.#own.leave(seat);
    seat.channel?.close();
    seat.channel = seat.response = undefined;
    seat.source = "none";
  }

  #askForAll(): void {
    for (const seat of this.#seats.values()) {
      // One with a connection of its own asks when it is level, a full one when its consumer has taken what waits.
      if (seat.source !== "own" && !seat.isFull) this.#ask(seat);
    }
  }

  #ask(seat: TabSeat): void {
    const { id, term } = this.#group;
    seat.response = undefined;
    seat.source = "asked";
    if (!seat.channel) {
      seat.channel = this.#apis.openChannel(this.#channelOf(seat.member));
      seat.channel.onmessage = ({ data }) => this.#hear(seat, data as MemberMessage);
    }
    // Without a leader, it is asked when there is one.
    if (term) this.#tell({ type: "ask", term, tab: id, member: seat.member, cursor: seat.cursor });
  }

  #channelOf = (member: string): string => `${this.#name}:member:${member}`;

  #tell(message: GroupMessage): void {
    if (this.#group.isLeader) this.#serve(message);
    else this.#group.post(message);
  }

  /** It has a connection of its own, and is up to date: from here on the leader's is enough. */
  #level(seat: TabSeat): void {
    if (seat.source !== "own") return;
    queueMicrotask(() => {
      if (seat.source !== "own" || this.#seats.get(seat.member) !== seat) return;
      this.#own.leave(seat);
      this.#ask(seat);
    });
  }

  #hear(seat: TabSeat, message: MemberMessage): void {
    if (message.term < this.#group.term || seat.attempt.signal.aborted) return;
    if (message.type === "answer") {
      if (message.tab !== this.#group.id || seat.source !== "asked") return;
      if (!message.isLevel) {
        seat.source = "own";
        return this.#own.join(seat);
      }
      seat.source = "leader";
      seat.begin(this.#name);
      if (message.state) seat.follow(message.state);
      return this.#take(seat, message.blocks);
    }
    if (seat.source !== "leader") return;
    switch (message.type) {
      case "blocks":
        return this.#take(seat, message.blocks);
      case "state":
        return seat.follow(message.state);
      case "refused":
        return seat.attempt.abort(refusal(message.status, "", message.retryAfter));
      case "failed":
        return seat.fail(new ConnectionError(message.reason, message.message, { status: message.status }));
    }
  }

  #take(seat: TabSeat, blocks: readonly MemberBlock[]): void {
    const { response } = seat;
    if (!response) return;
    for (const { before, data, event, id, retry } of blocks) {
      if (seat.attempt.signal.aborted) break;
      if (before !== seat.cursor) {
        if (id !== undefined && isDuplicate(id, seat.cursor)) continue;
        if (id === undefined && isDuplicate(before, seat.cursor)) continue;
        // Something is missing in between.
        this.#ask(seat);
        break;
      }
      if (id !== undefined) response.onId(id);
      if (retry !== undefined) response.onRetry(retry);
      if (event !== undefined) response.onEvent(event, data ?? "", id);
    }
    const batch = response.take();
    if (batch.deliveries.length === 0 && batch.cursor === "") return;
    // It asks again when its consumer has taken what waits.
    if (seat.push(batch)) this.#detach(seat);
  }

  /** What the leader does for a tab, which may be this one. */
  #serve(message: GroupMessage): void {
    if (!this.#group.isLeader) return;
    if (message.type === "leave") this.#forget(message.tab, message.member);
    if (message.type !== "ask" || message.term > this.#group.term) return;
    const { cursor, member, tab } = message;
    if (!this.#known.has(tab)) {
      this.#known.add(tab);
      const gone = (): void => {
        this.#known.delete(tab);
        for (const one of this.#relayed.keys()) this.#forget(tab, one);
      };
      if (tab !== this.#group.id) this.#group.onGone(tab, gone, this.#reign.signal);
    }
    const relayed = this.#relayed.get(member) ?? this.#relay(member, cursor);
    relayed.tabs.add(tab);
    const blocks = relayed.relay.behind(cursor);
    const { state } = relayed.relay;
    this.#say(relayed.channel, member, {
      type: "answer",
      tab,
      isLevel: !!blocks,
      blocks: blocks ?? [],
      state,
    });
  }

  #relay(member: string, cursor: string): Relayed {
    const channel = this.#apis.openChannel(this.#channelOf(member));
    const relay = new MemberRelay(member, cursor, {
      onBlocks: (blocks) => this.#say(channel, member, { type: "blocks", blocks }),
      onState: (state) => this.#say(channel, member, { type: "state", state }),
      onFailure: (error) => this.#fail(channel, member, error),
    });
    const relayed = { relay, channel, tabs: new Set<string>() };
    this.#relayed.set(member, relayed);
    relay.attempt.signal.addEventListener("abort", () => {
      const { reason } = relay.attempt.signal;
      if (reason && !reason.type && reason.status !== undefined) {
        const { retryAfter, status } = reason;
        this.#say(channel, member, { type: "refused", status, retryAfter });
      }
      // What is read already is said first.
      queueMicrotask(() => this.#end(member, relayed));
    });
    this.#shared.join(relay);
    return relayed;
  }

  #fail(channel: Channel, member: string, error: unknown): void {
    const status = isConnectionError(error) ? error.status : undefined;
    const reason = isConnectionError(error) ? error.reason : "request";
    if (reason === "unauthorized") {
      // The credentials of this tab are not good enough: another one may have better ones.
      for (const seat of this.#seats.values()) seat.fail(error);
      queueMicrotask(() => this.#group.handOver());
      return;
    }
    const text = error instanceof Error ? error.message : String(error);
    this.#say(channel, member, { type: "failed", reason, message: text, status });
  }

  /** Says it to all tabs, this one included, which does not hear its own channel. */
  #say(channel: Channel, member: string, message: MemberMessageBody): void {
    const whole = { ...message, term: this.#group.term } as MemberMessage;
    channel.postMessage(whole);
    const seat = this.#seats.get(member);
    if (seat) this.#hear(seat, whole);
  }

  #forget(tab: string, member: string): void {
    const relayed = this.#relayed.get(member);
    if (!relayed?.tabs.delete(tab) || relayed.tabs.size > 0) return;
    this.#end(member, relayed);
  }

  #end(member: string, relayed: Relayed): void {
    if (this.#relayed.get(member) === relayed) this.#relayed.delete(member);
    this.#shared.leave(relayed.relay);
    relayed.channel.close();
  }

  #dropRelays(): void {
    this.#reign.abort();
    this.#known.clear();
    for (const [member, relayed] of this.#relayed) this.#end(member, relayed);
  }
}

type MemberMessageBody = MemberMessage extends infer M
  ? M extends unknown
    ? Omit<M, "term">
    : never
  : never;
