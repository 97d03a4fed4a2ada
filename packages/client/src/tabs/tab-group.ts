import type { Timers } from "../base/clock.ts";
import { LeaderWatch } from "./leader-watch.ts";
import { type Channel, holdLock, type TabApis } from "./tab-apis.ts";
import type { GroupMessage, GroupMessageBody } from "./tab-messages.ts";

// Tested by test/tabs.

export interface GroupHandlers {
  /** This tab leads now. */
  readonly onLead: () => void;
  /** This tab leads no more. It MUST drop at once what it holds. */
  readonly onResign: () => void;
  /** Another tab leads now. */
  readonly onLeader: () => void;
  readonly onMessage: (message: GroupMessage) => void;
  /** The browser refuses locks or channels here, for example in a frame without an origin. */
  readonly onUnavailable: () => void;
}

/** Tabs that share a connection: one of them leads, as long as it holds the lock. */
export class TabGroup {
  /** Another one each time that this tab joins. */
  id = "";
  /** The highest term that this tab knows; 0 for none. What has a lower one is of a leader that has lost its place. */
  term = 0;
  isLeader = false;
  readonly #nameOf: () => Promise<string>;
  readonly #apis: TabApis;
  readonly #clock: Timers;
  readonly #random: () => number;
  readonly #handlers: GroupHandlers;
  readonly #watch: LeaderWatch;
  #name = "";
  #membership: AbortController | undefined;
  /** While this tab waits for the leader's lock, or holds it. */
  #candidacy: AbortController | undefined;
  #channel: Channel | undefined;
  /** The term of the leader that this tab has heard. */
  #heard = 0;

  constructor(
    nameOf: () => Promise<string>,
    apis: TabApis,
    { clock, random }: { readonly clock: Timers; readonly random: () => number },
    handlers: GroupHandlers,
  ) {
    this.#nameOf = nameOf;
    this.#apis = apis;
    this.#clock = clock;
    this.#random = random;
    this.#handlers = handlers;
    this.#watch = new LeaderWatch(clock, {
      isJudge: () => !this.isLeader && apis.isVisible(),
      ping: () => this.post({ type: "ping" }),
      onSilence: () => this.#stand(true),
    });
  }

  /** Whether there is a leader, which may be this tab. */
  get hasLeader(): boolean {
    return this.term > 0 && this.#heard === this.term;
  }

  open(): void {
    if (this.#membership) return;
    this.#membership = new AbortController();
    const { signal } = this.#membership;
    this.#join(signal).catch(() => !signal.aborted && this.#handlers.onUnavailable());
  }

  close(): void {
    this.#membership?.abort();
    this.#membership = undefined;
    this.#resign();
    this.#channel?.close();
    this.#channel = undefined;
    this.term = this.#heard = 0;
  }

  /** Lets another tab lead. */
  handOver(): void {
    if (!this.isLeader) return;
    this.#resign();
    this.#stand();
  }

  post(body: GroupMessageBody): void {
    this.#channel?.postMessage({ ...body, term: this.term });
  }

  openChannel(member: string): Channel {
    return this.#apis.openChannel(`${this.#name}:member:${member}`);
  }

  /** Calls back when that tab is gone. */
  onGone(tab: string, callback: () => void, signal: AbortSignal): void {
    void this.#apis
      .request(`${this.#name}:${tab}`, { signal }, async () => callback())
      .catch(() => undefined);
  }

  async #join(signal: AbortSignal): Promise<void> {
    this.#name = await this.#nameOf();
    if (signal.aborted) return;
    this.id = crypto.randomUUID();
    this.#channel = this.#apis.openChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#receive(data as GroupMessage);
    // Whoever waits for this lock learns that the tab is gone, however it went. It is held before anybody can hear of it.
    await new Promise<void>((resolve, reject) => {
      holdLock(this.#apis, `${this.#name}:${this.id}`, signal, resolve).catch(reject);
    });
    if (signal.aborted) return;
    this.post({ type: "ping" });
    this.#watch.start(signal);
    this.#stand();
  }

  /** Asks for the lock, and leads when it is granted. */
  #stand(isSteal = false): void {
    this.#candidacy?.abort();
    const candidacy = new AbortController();
    this.#candidacy = candidacy;
    const lead = (): void => this.#lead();
    holdLock(this.#apis, this.#name, candidacy.signal, lead, isSteal).catch((error: unknown) => {
      if (candidacy.signal.aborted) return;
      this.#resign();
      if ((error as Error | undefined)?.name === "AbortError") this.#stand();
      else this.#handlers.onUnavailable();
    });
  }

  #lead(): void {
    this.isLeader = true;
    // Above the terms before, also most of those that this tab has not heard of. No two leaders have the same, although
    // both may have stolen the lock within a millisecond.
    this.term = this.#heard = Math.max(this.term + 1, this.#clock.now()) + this.#random();
    this.post({ type: "lead" });
    this.#handlers.onLead();
  }

  #resign(): void {
    this.#candidacy?.abort();
    this.#candidacy = undefined;
    if (!this.isLeader) return;
    this.isLeader = false;
    this.#heard = 0;
    this.#handlers.onResign();
  }

  #receive(message: GroupMessage): void {
    const { term, type } = message;
    const isFromLeader = type === "lead" || type === "pong";
    if (term > this.term) {
      this.term = term;
      // It has lost the lock without noticing; or the clock was set back, and its next term will be above this one.
      if (this.isLeader) {
        this.#resign();
        this.#stand();
      }
    }
    if (isFromLeader) {
      // One that does not know its place is lost learns it from the term.
      if (term < this.term) return this.post({ type: "ping" });
      this.#watch.hear();
      if (this.#heard === term) return;
      this.#heard = term;
      this.#handlers.onLeader();
    } else if (type !== "ping") this.#handlers.onMessage(message);
    else if (this.isLeader) this.post({ type: "pong" });
  }
}
