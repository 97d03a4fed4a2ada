import { onPageResume } from "../base/page-resume.ts";
import type { Timers } from "../base/clock.ts";
import type { GroupMessage } from "./tab-messages.ts";

// Tested by test/tabs.

/** How often a visible follower asks whether the leader lives, in ms. */
const PING_INTERVAL = 1_000;
/** How long it waits for the answer, in ms. */
const PONG_TIMEOUT = 1_500;

export interface Channel {
  postMessage(message: unknown): void;
  close(): void;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
}

/** What tabs share, so that tests can give their own. */
export interface TabApis {
  readonly request: (
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    hold: () => Promise<void>,
  ) => Promise<unknown>;
  readonly openChannel: (name: string) => Channel;
  readonly isVisible: () => boolean;
  /** Calls `suspend` before the page may be put into a cache or frozen, and `resume` after. Returns how to stop that. */
  readonly onLifecycle: (suspend: () => void, resume: () => void) => () => void;
}

export interface GroupHandlers {
  /** This tab leads now, with this term. */
  readonly onLead: () => void;
  /** This tab leads no more. It MUST drop at once what it holds. */
  readonly onResign: () => void;
  /** Another tab leads now. */
  readonly onLeader: () => void;
  readonly onMessage: (message: GroupMessage) => void;
}

/** Tabs that share a connection: one of them leads, as long as it holds the lock. */
export class TabGroup {
  readonly id: string = crypto.randomUUID();
  /** The term of the leader that this tab knows; 0 if it knows none. */
  term = 0;
  isLeader = false;
  readonly #name: string;
  readonly #apis: TabApis;
  readonly #clock: Timers;
  readonly #handlers: GroupHandlers;
  #membership: AbortController | undefined;
  #channel: Channel | undefined;
  #release: (() => void) | undefined;
  #hasPong = true;

  constructor(name: string, apis: TabApis, clock: Timers, handlers: GroupHandlers) {
    this.#name = name;
    this.#apis = apis;
    this.#clock = clock;
    this.#handlers = handlers;
  }

  get isOpen(): boolean {
    return this.#membership !== undefined;
  }

  open(): void {
    if (this.#membership) return;
    const membership = new AbortController();
    this.#membership = membership;
    this.#channel = this.#apis.openChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#receive(data as GroupMessage);
    // Whoever waits for this lock learns that the tab is gone, however it went.
    this.#hold(`${this.#name}:${this.id}`, membership.signal, {});
    this.#stand(membership.signal, false);
    this.post({ type: "ping" });
    this.#schedulePing(membership.signal);
    onPageResume(() => this.#judge(), membership.signal);
  }

  close(): void {
    this.#membership?.abort();
    this.#membership = undefined;
    this.#resign();
    this.#channel?.close();
    this.#channel = undefined;
    this.term = 0;
  }

  /** Lets another tab lead. */
  handOver(): void {
    if (!this.isLeader || !this.#membership) return;
    this.#resign();
    this.term = 0;
    this.#stand(this.#membership.signal, false);
  }

  post(message: GroupMessage): void {
    this.#channel?.postMessage(message);
  }

  /** Calls back when that tab is gone. */
  onGone(tab: string, callback: () => void, signal: AbortSignal): void {
    void this.#apis
      .request(`${this.#name}:${tab}`, { signal }, async () => callback())
      .catch(() => undefined);
  }

  /** Asks for the lock, and leads when it is granted. */
  #stand(signal: AbortSignal, steal: boolean): void {
    const leave = this.#hold(this.#name, signal, steal ? { steal } : {}, () => {
      this.#release = leave;
      this.isLeader = true;
      // Above those of all leaders before, also of those that this tab has not heard of.
      this.term = Math.max(this.term + 1, this.#clock.now());
      this.post({ type: "lead", term: this.term });
      this.#handlers.onLead();
    });
  }

  /** Holds a lock until the function that is returned is called, or `signal` aborts. */
  #hold(
    name: string,
    signal: AbortSignal,
    options: { readonly steal?: boolean },
    onGranted?: () => void,
  ): () => void {
    const held = new AbortController();
    const leave = (): void => held.abort();
    signal.addEventListener("abort", leave);
    this.#apis
      // With `steal` there is no signal, says the standard.
      .request(name, options.steal ? options : { signal: held.signal }, () => {
        if (held.signal.aborted || (onGranted && this.isLeader)) return Promise.resolve();
        onGranted?.();
        return new Promise((resolve) => held.signal.addEventListener("abort", () => resolve()));
      })
      .catch(() => {
        // Stolen, or no longer waited for.
        if (!onGranted || held.signal.aborted || !this.isLeader || this.#release !== leave) return;
        this.#resign();
        this.#stand(signal, false);
      });
    return leave;
  }

  #resign(): void {
    const release = this.#release;
    this.#release = undefined;
    if (!this.isLeader) return;
    this.isLeader = false;
    this.#handlers.onResign();
    release?.();
  }

  #receive(message: GroupMessage): void {
    switch (message.type) {
      case "ping":
        if (this.isLeader) this.post({ type: "pong", term: this.term });
        return;
      case "lead":
      case "pong":
        if (message.term < this.term) return;
        this.#hasPong = true;
        if (message.term === this.term) return;
        if (this.isLeader && this.#membership) {
          this.#resign();
          this.#stand(this.#membership.signal, false);
        }
        this.term = message.term;
        return this.#handlers.onLeader();
      case "ask":
      case "leave":
        this.#handlers.onMessage(message);
    }
  }

  #schedulePing(signal: AbortSignal): void {
    const cancel = this.#clock.after(PING_INTERVAL, () => {
      signal.removeEventListener("abort", cancel);
      this.#judge();
      this.#schedulePing(signal);
    });
    signal.addEventListener("abort", cancel);
  }

  /** Only a visible tab judges the leader: the timers of hidden ones are late. */
  #judge(): void {
    const { signal } = this.#membership ?? {};
    if (!signal || this.isLeader || !this.#hasPong || !this.#apis.isVisible()) return;
    this.#hasPong = false;
    this.post({ type: "ping" });
    const cancel = this.#clock.after(PONG_TIMEOUT, () => {
      signal.removeEventListener("abort", cancel);
      if (this.#hasPong || this.isLeader) return;
      this.#hasPong = true;
      if (this.#apis.isVisible()) this.#stand(signal, true);
    });
    signal.addEventListener("abort", cancel);
  }
}
