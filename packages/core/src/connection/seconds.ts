import { type Clock, systemClock } from "../base/clock.ts";
import type { DeliveryOptions, StreamOptions } from "./options.ts";

type Times = Pick<DeliveryOptions, "heartbeat" | "idleTimeout" | "maxDuration" | "wait"> &
  Pick<StreamOptions, "retryWindow" | "idle"> & { readonly snapshotTimeout?: number };

/** A time below this many ms was most likely meant in seconds; 0 was not, and a short `linger` is a fair choice. */
const SUSPICIOUS: Readonly<Record<keyof Times, number>> = {
  heartbeat: 150,
  idleTimeout: 900,
  maxDuration: 5_000,
  wait: 900,
  retryWindow: 600,
  snapshotTimeout: 50,
  idle: 5_000,
};

/** Warns once of times that look as if they were given in seconds. Tests with a clock of their own may be that fast. */
export class SecondsCheck {
  #hasWarned = false;

  /** @param warn called with the text of the warning */
  check(options: Times | undefined, clock: Clock, warn: (message: string) => void): void {
    if (this.#hasWarned || options === undefined || clock !== systemClock) return;
    const names = (Object.keys(SUSPICIOUS) as (keyof Times)[]).filter((name) => {
      const value = options[name];
      return value !== undefined && value > 0 && value < SUSPICIOUS[name];
    });
    if (names.length === 0) return;
    this.#hasWarned = true;
    const shown = names.map((name) => `\`${name}: ${options[name]}\``).join(", ");
    warn(`All times are in milliseconds, and ${shown} is very short. Was it meant in seconds?`);
  }
}
