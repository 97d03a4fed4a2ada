import type { Registry } from "../../../src/registry/types.ts";
import type { Message } from "../../../src/stream/subscription.ts";
import { CHANNEL_ID } from "./history.ts";
import type { ReferenceModel } from "./reference-model.ts";

const EXPECTED = new Set([
  "ABORTED",
  "CANCELLED",
  "EXPIRED",
  "GONE",
  "LIMIT_EXCEEDED",
  "REGISTRY_CLOSED",
  "SOURCE_FAILED",
]);

/** A subscriber in the same process, which checks the same promises as a client. */
export class SimulatedSubscriber {
  done: Promise<void> = Promise.resolve();
  readonly #model: ReferenceModel;
  readonly #controller = new AbortController();
  #epoch: string | undefined;
  #seq = 0;
  /** After a reset the next event may have any higher number. */
  #wasReset = false;

  constructor(model: ReferenceModel) {
    this.#model = model;
  }

  /** @param pause runs between two messages */
  subscribe(registry: Registry, id: string, pause: (() => Promise<void>) | undefined): void {
    this.done = this.#read(registry, id, pause);
    // The simulation awaits `done` at the end of the history.
    this.done.catch(() => undefined);
  }

  leave(): void {
    this.#controller.abort();
  }

  async #read(registry: Registry, id: string, pause: (() => Promise<void>) | undefined): Promise<void> {
    const { signal } = this.#controller;
    const onReset = ({ lost }: { readonly lost: readonly [number, number] | null }): void => {
      // A channel is read from the next event on, whatever its number.
      const hasStarted = this.#epoch !== undefined || id !== CHANNEL_ID;
      if (lost !== null && hasStarted && lost[0] !== this.#seq + 1)
        throw new Error(`At event ${this.#seq} a reset says that ${lost.join("-")} is lost`);
      this.#wasReset = true;
      if (lost !== null) this.#seq = lost[1];
    };
    try {
      for await (const message of registry.subscribe(id, { signal, onReset })) {
        if (message.event === "part" || message.event === "state") this.#snapshot(message);
        else this.#next(message.id, message.data, id === CHANNEL_ID);
        await pause?.();
      }
      const record = this.#epoch === undefined ? undefined : this.#model.record(this.#epoch);
      if (record !== undefined && (record.status !== "done" || this.#seq !== record.events.length))
        throw new Error(`A subscription returned after event ${this.#seq} of ${record.events.length}`);
    } catch (error) {
      const { code } = error as { code?: string };
      if (!EXPECTED.has(code ?? "")) throw error;
    }
  }

  /** A running snapshot, which may only come first. */
  #snapshot({ event, id, data }: Message): void {
    if (this.#epoch !== undefined) throw new Error(`A snapshot after ${this.#epoch}.${this.#seq}`);
    if (event === "part") return;
    const [epoch = "", seq = ""] = data.split(".");
    if (id !== data) throw new Error(`A snapshot at ${data}, has the id ${id}`);
    this.#epoch = epoch;
    this.#seq = Number(seq);
  }

  #next(id: string, data: string, startsAnywhere: boolean): void {
    const [epoch = "", seq = ""] = id.split(".");
    this.#epoch ??= epoch;
    const next = Number(seq);
    const fits =
      next === this.#seq + 1 || (this.#seq === 0 && startsAnywhere) || (this.#wasReset && next > this.#seq);
    if (epoch !== this.#epoch || !fits) throw new Error(`Event ${id} follows ${this.#epoch}.${this.#seq}`);
    const pushed = this.#model.record(epoch).events[next - 1];
    if (data !== pushed)
      throw new Error(
        `Event ${id} has the data ${JSON.stringify(data)} instead of ${JSON.stringify(pushed)}`,
      );
    this.#seq = next;
    this.#wasReset = false;
  }
}
