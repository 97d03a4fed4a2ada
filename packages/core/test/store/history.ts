import fc from "fast-check";
import type { CallFate, WakeFate } from "../support/faulty-store.ts";

/** What can happen to registries that share a store, one step at a time. Numbers pick among what there is. */
export type Step =
  | { readonly do: "open" | "end" | "fail"; readonly stream: number; readonly registry: number }
  | { readonly do: "cancel"; readonly stream: number; readonly registry: number }
  | { readonly do: "push"; readonly stream: number; readonly registry: number; readonly count: number }
  | {
      readonly do: "connect";
      readonly witness: number;
      readonly registry: number;
      readonly fresh: boolean;
    }
  | { readonly do: "leave" | "stall" | "drain"; readonly witness: number }
  | { readonly do: "calls"; readonly registry: number; readonly fates: readonly CallFate[] }
  | { readonly do: "wakes"; readonly registry: number; readonly fates: readonly WakeFate[] }
  | { readonly do: "kill" | "close"; readonly registry: number }
  | { readonly do: "trim"; readonly stream: number; readonly keep: number }
  | { readonly do: "flush" | "copy" | "failOver" }
  | { readonly do: "pass"; readonly ms: number };

export interface History {
  readonly durability: "local" | "stored";
  readonly steps: readonly Step[];
  readonly seed: number;
}

export const REGISTRIES = 3;
export const STREAMS = 3;
/** The last of them is a channel. */
export const CHANNEL: number = STREAMS - 1;
export const WITNESSES = 6;

const registry = fc.nat(REGISTRIES - 1);
const stream = fc.nat(STREAMS - 1);
const witness = fc.nat(WITNESSES - 1);

const callFates: fc.Arbitrary<readonly CallFate[]> = fc.constantFrom<readonly CallFate[]>(
  ["well"],
  ["well"],
  ["rejected"],
  ["hanging"],
  ["well", "late"],
  ["well", "unheard"],
  ["well", "rejected", "unheard", "late", "hanging"],
);
const wakeFates: fc.Arbitrary<readonly WakeFate[]> = fc.constantFrom<readonly WakeFate[]>(
  ["well"],
  ["dropped"],
  ["well", "doubled", "late"],
  ["well", "dropped", "doubled", "late"],
);

const peaceful = [
  { weight: 5, arbitrary: fc.record({ do: fc.constant("open"), stream, registry }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("end", "fail", "cancel"), stream, registry }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("push"),
      stream,
      registry,
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("connect"),
      witness,
      registry,
      fresh: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("leave"), witness }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("stall", "drain"), witness }) },
  {
    weight: 9,
    arbitrary: fc.record({ do: fc.constant("pass"), ms: fc.constantFrom(0, 1, 5, 6, 50, 1_000, 5_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pass"), ms: fc.constant(16_000) }) },
];

const faults = [
  { weight: 4, arbitrary: fc.record({ do: fc.constant("calls"), registry, fates: callFates }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wakes"), registry, fates: wakeFates }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("kill", "close"), registry }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("trim"), stream, keep: fc.nat(6) }) },
];

const losses = [{ weight: 3, arbitrary: fc.record({ do: fc.constantFrom("flush", "copy", "failOver") }) }];

function historiesOf(steps: { weight: number; arbitrary: fc.Arbitrary<unknown> }[]): fc.Arbitrary<History> {
  return fc.record({
    durability: fc.constantFrom("local" as const, "stored" as const),
    steps: fc.array(fc.oneof(...steps), { maxLength: 60, size: "max" }) as fc.Arbitrary<Step[]>,
    seed: fc.nat(),
  });
}

/** Nothing fails, but hints and time. */
export const peacefulHistories: fc.Arbitrary<History> = historiesOf([
  ...peaceful,
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wakes"), registry, fates: wakeFates }) },
]);
/** Calls fail and processes die, but the store keeps what it has. */
export const faultyHistories: fc.Arbitrary<History> = historiesOf([...peaceful, ...faults]);
/** The store loses things too. */
export const lossyHistories: fc.Arbitrary<History> = fc.oneof(
  historiesOf([...peaceful, ...faults, ...losses]),
  historiesOf([...peaceful, ...losses]),
);
