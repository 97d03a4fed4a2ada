import type { Registry } from "../../src/registry/types.ts";
import type { Message } from "../../src/stream/subscription.ts";
import type { Truth } from "./truth.ts";

/** A consumer in the same process, held to the same promises as a client. */
export class Follower {
  over = false;
  done: Promise<void> = Promise.resolve();
  readonly #truth: Truth;
  readonly #leaving = new AbortController();
  #epoch: string | undefined;
  #seq = 0;
  /** Where the next event may begin after a reset. */
  #moved = false;

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  /** @param rest what it does between two messages */
  follow(registry: Registry, id: string, rest: (() => Promise<void>) | undefined): void {
    this.done = this.#read(registry, id, rest).finally(() => {
      this.over = true;
    });
    // Judged at the end of the history.
    this.done.catch(() => undefined);
  }

  leave(): void {
    this.#leaving.abort();
  }

  async #read(registry: Registry, id: string, rest: (() => Promise<void>) | undefined): Promise<void> {
    const { signal } = this.#leaving;
    const onReset = ({ lost }: { readonly lost: readonly [number, number] | null }): void => {
      if (lost !== null && lost[0] !== this.#seq + 1)
        throw new Error(`At ${this.#seq}, told that ${lost[0]} is lost`);
      this.#moved = true;
      if (lost !== null) this.#seq = lost[1];
    };
    try {
      for await (const message of registry.subscribe(id, { signal, onReset })) {
        if (message.event === "part" || message.event === "state") this.#snapshot(message);
        else this.#next(message.id, message.data, id === "room");
        await rest?.();
      }
      const life = this.#epoch === undefined ? undefined : this.#truth.life(this.#epoch);
      if (life?.status === undefined || this.#seq !== life.events.length) {
        if (life !== undefined) throw new Error(`Ended at ${this.#seq} of ${life.events.length}`);
      }
    } catch (error) {
      const { code } = error as { code?: string };
      if (!["ABORTED", "REGISTRY_CLOSED", "SOURCE_FAILED", "LIMIT_EXCEEDED", "GONE"].includes(code ?? ""))
        throw error;
    }
  }

  /** A running snapshot, before everything else. */
  #snapshot({ event, id, data }: Message): void {
    if (this.#epoch !== undefined) throw new Error(`A snapshot behind ${this.#epoch}.${this.#seq}`);
    if (event === "part") return;
    const [epoch = "", seq = ""] = data.split(".");
    if (id !== data) throw new Error(`A snapshot at ${data}, told as ${id}`);
    this.#epoch = epoch;
    this.#seq = Number(seq);
  }

  #next(id: string, data: string, anyStart: boolean): void {
    const [epoch = "", seq = ""] = id.split(".");
    this.#epoch ??= epoch;
    const next = Number(seq);
    const fits = next === this.#seq + 1 || (this.#seq === 0 && anyStart) || (this.#moved && next > this.#seq);
    if (epoch !== this.#epoch || !fits) throw new Error(`At ${this.#epoch}.${this.#seq}, got ${id}`);
    if (this.#truth.life(epoch).events[next - 1] !== data) throw new Error(`${id} is not ${data}`);
    this.#seq = next;
    this.#moved = false;
  }
}
