// Tested by test/store/outboxes.test.ts.

/** What this process keeps of a channel in a store to which it pushes. */
interface Outbox {
  /** Whether something waits in it for the store. */
  isEmpty: boolean;
  /** Whether the channel is read here too, so that it counts as a stream already. */
  isRead: boolean;
  /** Lets it go while it is empty; the next push creates it anew. */
  readonly close: () => void;
}

/** The outboxes of a registry, by the ids of their channels. Empty ones give way to streams and other outboxes. */
export class Outboxes {
  readonly #all = new Map<string, Outbox>();
  /** Those that are empty and not read here; the one that became so first is first. */
  readonly #spare = new Map<string, Outbox>();
  #unread = 0;

  /** How many are of channels that are not read here. */
  get unread(): number {
    return this.#unread;
  }

  add(id: string, isRead: boolean, close: () => void): void {
    this.#all.set(id, { isEmpty: false, isRead, close });
    if (!isRead) this.#unread++;
  }

  /** Idempotent. */
  delete(id: string): void {
    if (this.#all.get(id)?.isRead === false) this.#unread--;
    this.#all.delete(id);
    this.#spare.delete(id);
  }

  setEmpty(id: string, isEmpty: boolean): void {
    const outbox = this.#all.get(id);
    if (outbox === undefined) return;
    outbox.isEmpty = isEmpty;
    this.#update(id, outbox);
  }

  setRead(id: string, isRead: boolean): void {
    const outbox = this.#all.get(id);
    if (outbox === undefined || outbox.isRead === isRead) return;
    outbox.isRead = isRead;
    this.#unread += isRead ? -1 : 1;
    this.#update(id, outbox);
  }

  /** Closes at most `count` empty ones of channels that are not read here. */
  closeEmpty(count: number): void {
    for (const [id, outbox] of this.#spare) {
      if (count-- <= 0) return;
      this.delete(id);
      outbox.close();
    }
  }

  #update(id: string, outbox: Outbox): void {
    if (outbox.isEmpty && !outbox.isRead) this.#spare.set(id, outbox);
    else this.#spare.delete(id);
  }
}
