import type { Registry } from "../../../src/registry/types.ts";
import type { Message } from "../../../src/stream/subscription.ts";
import { lastEvent } from "../epochs.ts";
import { type Position, positionOf } from "../position.ts";
import { CHANNEL_ID } from "./history.ts";
import type { ReferenceModel } from "./reference-model.ts";

/** The codes with which a subscription may throw, each with the status of a stream that has ended so. */
const EXPECTED: ReadonlyMap<string | undefined, string | undefined> = new Map([
  ["ABORTED", undefined],
  ["CANCELLED", "cancelled"],
  ["EXPIRED", "expired"],
  ["GONE", undefined],
  ["REGISTRY_CLOSED", undefined],
  ["SOURCE_FAILED", "failed"],
]);

/** A subscriber in the same process, which checks the same promises as a client. */
export class SimulatedSubscriber {
  done: Promise<void> = Promise.resolve();
  readonly id: string;
  readonly #model: ReferenceModel;
  readonly #controller = new AbortController();
  /** The id of the last event that it got, where another one can continue. */
  #cursor: string | undefined;
  /** `undefined` before the first event, also of a life that begins anew. */
  #position: Position | undefined;
  /** Whether the next event may have any number. */
  #startsAnywhere: boolean;
  /** How many events of the life are lost behind the position, as a reset has said. */
  #lost = 0;
  isOver = false;

  constructor(id: string, model: ReferenceModel, cursor: string | undefined) {
    this.id = id;
    this.#model = model;
    this.#cursor = cursor;
    this.#position = positionOf(cursor);
    this.#startsAnywhere = id === CHANNEL_ID;
  }

  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** @param pause runs between two messages */
  subscribe(registry: Registry, pause: (() => Promise<void>) | undefined): void {
    this.done = this.#read(registry, pause);
    // The simulation awaits `done` at the end of the history.
    this.done.catch(() => undefined);
  }

  leave(): void {
    this.#controller.abort();
  }

  async #read(registry: Registry, pause: (() => Promise<void>) | undefined): Promise<void> {
    const options = {
      signal: this.#controller.signal,
      onReset: ({ lost }: { readonly lost: readonly [number, number] | null }) => this.#onReset(lost),
      ...(this.#cursor !== undefined && { cursor: this.#cursor }),
    };
    try {
      for await (const message of registry.subscribe(this.id, options)) {
        if (message.event === "part" || message.event === "state") this.#onSnapshot(message);
        else this.#onEvent(message);
        await pause?.();
      }
      this.#checkEnd("done");
    } catch (error) {
      const { code } = error as { code?: string };
      if (!EXPECTED.has(code)) throw error;
      const status = EXPECTED.get(code);
      if (status !== undefined) this.#checkEnd(status);
    } finally {
      this.isOver = true;
    }
  }

  #onReset(lost: readonly [number, number] | null): void {
    if (lost === null) {
      this.#position = undefined;
      this.#startsAnywhere = true;
      this.#lost = 0;
      return;
    }
    const seq = (this.#position?.seq ?? 0) + this.#lost;
    // The numbers of a channel begin anywhere.
    if (lost[0] !== seq + 1 && !(this.#position === undefined && this.#startsAnywhere))
      throw new Error(`At event ${seq} a reset says that ${lost.join("-")} is lost`);
    this.#lost += lost[1] - lost[0] + 1;
  }

  /** A running snapshot, which may only come first. */
  #onSnapshot({ event, id, data }: Message): void {
    if (this.#position !== undefined) throw new Error(`A snapshot after ${this.#cursor}`);
    if (event === "part") return;
    if (id !== data) throw new Error(`A snapshot at ${data}, has the id ${id}`);
    this.#moveTo(id);
  }

  #onEvent({ id, data }: Message): void {
    const at = this.#position;
    const next = positionOf(id);
    if (next === undefined) throw new Error(`Event ${id} follows ${this.#cursor}`);
    const fits =
      at === undefined
        ? this.#startsAnywhere || next.seq === this.#lost + 1
        : next.seq === at.seq + this.#lost + 1 && this.#model.continues(at, next.epoch);
    if (!fits) throw new Error(`Event ${id} follows ${this.#cursor}`);
    this.#model.checkPushed(this.#model.record(next.epoch), next.seq, data);
    this.#moveTo(id);
  }

  #moveTo(id: string): void {
    this.#cursor = id;
    this.#position = positionOf(id);
    this.#lost = 0;
    this.#startsAnywhere = false;
  }

  /** Whoever is told of an end has got every event before it. */
  #checkEnd(status: string): void {
    const at = this.#position;
    if (at === undefined) return;
    const newest = this.#model.newest(at.epoch);
    if (newest.status === status && at.seq + this.#lost === lastEvent(newest)) return;
    throw new Error(
      `A subscription returned after event ${at.seq} of ${lastEvent(newest)}: ${status} instead of ${newest.status}`,
    );
  }
}
