import fc from "fast-check";
import type { IfExists } from "../../../src/stream/stream-host.ts";
import type { CallFate, WakeUpFate } from "../../support/faulty-store.ts";

/** One thing that happens to processes that share a store. Numbers select a stream, a process or a client. */
export type Step =
  | {
      readonly do: "open";
      readonly stream: number;
      readonly process: number;
      readonly ifExists?: IfExists;
      /** Whether the stream waits for another producer when this one fails. */
      readonly isRetried?: boolean;
    }
  | { readonly do: "end" | "fail"; readonly stream: number; readonly process: number }
  | { readonly do: "cancel"; readonly stream: number; readonly process: number; readonly grace?: number }
  | { readonly do: "push"; readonly stream: number; readonly process: number; readonly count: number }
  | {
      readonly do: "connect";
      readonly client: number;
      readonly process: number;
      /** Connects without a cursor. */
      readonly withoutCursor: boolean;
    }
  | { readonly do: "leave" | "stall" | "drain"; readonly client: number }
  | { readonly do: "set call fates"; readonly process: number; readonly fates: readonly CallFate[] }
  | { readonly do: "set wake-up fates"; readonly process: number; readonly fates: readonly WakeUpFate[] }
  | { readonly do: "kill" | "close"; readonly process: number }
  | { readonly do: "trim"; readonly stream: number; readonly keep: number }
  | { readonly do: "flush store" | "copy store" | "restore copy" }
  | { readonly do: "advance"; readonly ms: number };

export interface History {
  readonly durability: "local" | "stored";
  /** Whether the store has a marker, by which registries notice that it has lost data. */
  readonly hasMarker: boolean;
  readonly steps: readonly Step[];
  readonly seed: number;
}

export const PROCESSES = 3;
export const STREAMS = 3;
/** The last stream is a channel. */
export const CHANNEL: number = STREAMS - 1;
export const CHANNEL_ID = "channel";
export const CLIENTS = 6;

export const streamId = (stream: number): string => (stream === CHANNEL ? CHANNEL_ID : `job-${stream}`);

const process = fc.nat(PROCESSES - 1);
const stream = fc.nat(STREAMS - 1);
const client = fc.nat(CLIENTS - 1);

const callFates: fc.Arbitrary<readonly CallFate[]> = fc.constantFrom<readonly CallFate[]>(
  ["ok"],
  ["ok"],
  ["rejected"],
  ["hanging"],
  ["ok", "late"],
  ["ok", "reply lost"],
  ["ok", "rejected", "reply lost", "late", "hanging"],
);
const wakeUpFates: fc.Arbitrary<readonly WakeUpFate[]> = fc.constantFrom<readonly WakeUpFate[]>(
  ["ok"],
  ["dropped"],
  ["ok", "doubled", "late"],
  ["ok", "dropped", "doubled", "late"],
);

const commonSteps = [
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("open"),
      stream,
      process,
      ifExists: fc.constantFrom("throw", "throw", "replace", "append", "append"),
      isRetried: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("end", "fail", "fail"), stream, process }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("cancel"), stream, process, grace: fc.constantFrom(0, 0, 2_000) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("push"),
      stream,
      process,
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("connect"),
      client,
      process,
      withoutCursor: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("leave"), client }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("stall", "drain"), client }) },
  {
    weight: 9,
    arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.constantFrom(0, 1, 5, 6, 50, 1_000, 5_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.constant(16_000) }) },
];

const faultSteps = [
  { weight: 4, arbitrary: fc.record({ do: fc.constant("set call fates"), process, fates: callFates }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("set wake-up fates"), process, fates: wakeUpFates }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("kill", "close"), process }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("trim"), stream, keep: fc.nat(6) }) },
];

const lossSteps = [
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("flush store", "copy store", "restore copy") }),
  },
];

type Steps = fc.Arbitrary<Step[]>;

function stepsOf(steps: { weight: number; arbitrary: fc.Arbitrary<unknown> }[], maxLength: number): Steps {
  return fc.array(fc.oneof(...steps), { maxLength, size: "max" }) as Steps;
}

function historiesOf(steps: Steps): fc.Arbitrary<History> {
  return fc.record({
    durability: fc.constantFrom("local" as const, "stored" as const),
    hasMarker: fc.boolean(),
    steps,
    seed: fc.nat(),
  });
}

/** A producer whose store does not answer is ahead of the store when another process continues its stream. */
const continuation: Steps = fc
  .record({ stream: fc.nat(CHANNEL - 1), client, fates: callFates, count: fc.integer({ min: 1, max: 6 }) })
  .map(({ stream, client, fates, count }) => [
    { do: "open", stream, process: 0 },
    { do: "connect", client, process: 0, withoutCursor: false },
    { do: "push", stream, process: 0, count },
    { do: "advance", ms: 5 },
    { do: "set call fates", process: 0, fates },
    { do: "push", stream, process: 0, count },
    { do: "advance", ms: 5 },
    { do: "open", stream, process: 1, ifExists: "append" },
    { do: "push", stream, process: 1, count: 2 * count },
    { do: "connect", client, process: 1, withoutCursor: false },
    { do: "advance", ms: 5_000 },
  ]);

const continuations: Steps = fc
  .tuple(stepsOf(commonSteps, 10), continuation, stepsOf([...commonSteps, ...faultSteps], 30))
  .map((parts) => parts.flat());

/** What happens in the histories, how they are made, and their share of all that are run. */
export const histories: readonly (readonly [string, fc.Arbitrary<History>, number])[] = [
  [
    "wake-ups are lost, late or doubled",
    historiesOf(
      stepsOf(
        [
          ...commonSteps,
          {
            weight: 2,
            arbitrary: fc.record({ do: fc.constant("set wake-up fates"), process, fates: wakeUpFates }),
          },
        ],
        60,
      ),
    ),
    0.2,
  ],
  [
    "calls fail and processes die, but the store keeps its data",
    historiesOf(stepsOf([...commonSteps, ...faultSteps], 60)),
    0.4,
  ],
  ["a stream is continued by another process", historiesOf(continuations), 0.1],
  [
    "the store loses data",
    fc.oneof(
      historiesOf(stepsOf([...commonSteps, ...faultSteps, ...lossSteps], 60)),
      historiesOf(stepsOf([...commonSteps, ...lossSteps], 60)),
    ),
    0.3,
  ],
];
