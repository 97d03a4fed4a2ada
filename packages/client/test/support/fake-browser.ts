import type { FakeClock } from "@holdfast/core/testing";
import type { Channel, TabApis } from "../../src/tabs/tab-apis.ts";

interface Lock {
  readonly name: string;
  readonly tab: object;
  readonly grant: () => void;
  readonly reject: (error: unknown) => void;
}

/** Web Locks and BroadcastChannel of a browser: messages and granted locks take random times; what one channel gets is in order. */
export class FakeBrowser {
  readonly #clock: FakeClock;
  /** How long messages and locks take, of 10 ms. */
  random: () => number;
  /** How often a tab has asked for a random number. */
  draws = 0;
  readonly #held = new Map<string, Lock>();
  #queue: Lock[] = [];
  readonly #channels = new Map<string, Set<FakeChannel>>();

  constructor(clock: FakeClock, random: () => number) {
    this.#clock = clock;
    this.random = random;
  }

  openTab(): FakeTab {
    return new FakeTab(this);
  }

  request(
    tab: FakeTab,
    name: string,
    { signal, steal = false }: { readonly signal?: AbortSignal; readonly steal?: boolean },
    hold: () => Promise<void>,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const lock: Lock = {
        name,
        tab,
        reject,
        grant: () => {
          this.#held.set(name, lock);
          void Promise.resolve()
            .then(() => this.#hold(tab, hold))
            .then(() => {
              if (this.#held.get(name) === lock) this.#held.delete(name);
              resolve(undefined);
              this.#grantNext();
            }, reject);
        },
      };
      signal?.addEventListener("abort", () => {
        if (!this.#queue.includes(lock)) return;
        this.#queue = this.#queue.filter((one) => one !== lock);
        reject(signal.reason);
      });
      if (signal?.aborted === true) return reject(signal.reason);
      if (steal) {
        this.#held.get(name)?.reject(new DOMException("stolen", "AbortError"));
        return lock.grant();
      }
      this.#queue.push(lock);
      this.#grantNext();
    });
  }

  after(ms: number, callback: () => void): () => void {
    return this.#clock.after(ms, callback);
  }

  /** The tab's process is gone: its locks are free, and it says nothing more. */
  kill(tab: FakeTab): void {
    this.#queue = this.#queue.filter((lock) => lock.tab !== tab);
    for (const [name, lock] of this.#held) if (lock.tab === tab) this.#held.delete(name);
    this.#grantNext();
  }

  channelsOf(tab: FakeTab): number {
    return [...this.#channels.values()]
      .flatMap((group) => [...group])
      .filter((channel) => channel.tab === tab).length;
  }

  locksOf(tab: FakeTab): number {
    return [...this.#held.values(), ...this.#queue].filter((lock) => lock.tab === tab).length;
  }

  open(channel: FakeChannel): void {
    const group = this.#channels.get(channel.name) ?? new Set();
    this.#channels.set(channel.name, group.add(channel));
  }

  close(channel: FakeChannel): void {
    this.#channels.get(channel.name)?.delete(channel);
  }

  post(from: FakeChannel, message: unknown): void {
    const copy: unknown = structuredClone(message);
    for (const channel of this.#channels.get(from.name) ?? []) {
      if (channel === from) continue;
      // In order for each pair of channels.
      channel.busyUntil = Math.max(channel.busyUntil, this.#clock.now() + this.random() * 10);
      const deliver = (): void => channel.deliver(structuredClone(copy));
      this.#clock.after(channel.busyUntil - this.#clock.now(), deliver);
    }
  }

  /** Runs what a lock was granted to. */
  async #hold(tab: FakeTab, hold: () => Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => this.#clock.after(this.random() * 10, resolve));
    if (tab.late) await new Promise<unknown>((resolve) => tab.late?.push(() => resolve(undefined)));
    await (tab.isGone ? new Promise<void>(() => undefined) : hold());
  }

  #grantNext(): void {
    for (const lock of this.#queue) {
      if (this.#held.has(lock.name)) continue;
      this.#queue = this.#queue.filter((one) => one !== lock);
      lock.grant();
    }
  }
}

class FakeChannel implements Channel {
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  busyUntil = 0;
  readonly name: string;
  readonly tab: FakeTab;
  #isClosed = false;

  constructor(tab: FakeTab, name: string) {
    this.tab = tab;
    this.name = name;
    tab.browser.open(this);
  }

  postMessage(message: unknown): void {
    if (this.#isClosed) throw new DOMException("closed", "InvalidStateError");
    if (this.tab.isGone) return;
    // A frozen tab does not run: what it would say now, it says later.
    if (this.tab.late) this.tab.late.push(() => !this.#isClosed && this.postMessage(message));
    else this.tab.browser.post(this, message);
  }

  deliver(message: unknown): void {
    if (this.#isClosed || this.tab.isGone) return;
    if (this.tab.late) this.tab.late.push(() => this.deliver(message));
    else this.onmessage?.({ data: message });
  }

  close(): void {
    this.#isClosed = true;
    this.tab.browser.close(this);
  }
}

export class FakeTab {
  readonly browser: FakeBrowser;
  isVisible = true;
  isGone = false;
  /** What arrives while it is frozen; `undefined` while it is not. What it says then, it says late. */
  late: (() => unknown)[] | undefined;
  readonly apis: TabApis = {
    request: (name, options, hold) => this.browser.request(this, name, options, hold),
    openChannel: (name) => new FakeChannel(this, name),
    hash: async (text) => text,
    isVisible: () => this.isVisible,
    soon: (ms, callback) => this.browser.after(ms, callback),
    onLifecycle: (suspend, resume) => {
      Object.assign(this, { suspend, resume });
      return () => Object.assign(this, { suspend: () => undefined, resume: () => undefined });
    },
  };
  /** The page goes into the cache. */
  suspend = (): void => undefined;
  /** It comes back. */
  resume = (): void => undefined;

  constructor(browser: FakeBrowser) {
    this.browser = browser;
  }

  /** How many channels it has open. */
  get channels(): number {
    return this.browser.channelsOf(this);
  }

  /** How many locks it holds or waits for. */
  get locks(): number {
    return this.browser.locksOf(this);
  }

  freeze(): void {
    this.late ??= [];
  }

  thaw(): void {
    const late = this.late ?? [];
    this.late = undefined;
    for (const deliver of late) deliver();
  }

  kill(): void {
    this.isGone = true;
    this.browser.kill(this);
  }
}
