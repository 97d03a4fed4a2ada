import fc from "fast-check";

/** What a registry was given beside its streams: nothing, a database to ask, sources to start, or both. */
export interface Service {
  readonly database: "none" | "prompt" | "slow";
  readonly sources: boolean;
}

/** What can happen to a registry, one step at a time. Numbers pick among what there is. */
export type Step =
  | { readonly do: "open" | "end" | "fail" | "cancel" | "break"; readonly stream: number }
  | { readonly do: "push"; readonly stream: number; readonly count: number }
  | {
      readonly do: "connect";
      readonly browser: number;
      readonly cursor: "own" | "none" | "invalid" | "ahead" | "stranger" | "terminal";
      readonly now: boolean;
      readonly aborted: boolean;
      readonly loggedOut: boolean;
    }
  | { readonly do: "leave"; readonly browser: number; readonly seen: number }
  | { readonly do: "subscribe"; readonly stream: number; readonly slow: boolean }
  | { readonly do: "stall" | "drain" | "trickle" | "log out"; readonly browser: number }
  | {
      readonly do: "save";
      readonly stream: number;
      readonly is: "none" | "pending" | "nowhere" | "running" | "finished" | "throwing" | "garbage";
      readonly number: number;
    }
  | { readonly do: "answer"; readonly which: number; readonly stale: boolean }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "turn" }
  | { readonly do: "close"; readonly deadline: number };

export interface History {
  readonly service: Service;
  readonly steps: Step[];
  readonly seed: number;
}

export const STREAMS = 3;
/** The last of them is a channel. */
export const CHANNEL: number = STREAMS - 1;
export const BROWSERS = 6;

const stream = fc.nat(STREAMS - 1);
const browser = fc.nat(BROWSERS - 1);

interface Weighted {
  readonly weight: number;
  readonly arbitrary: fc.Arbitrary<unknown>;
}

const always: Weighted[] = [
  { weight: 4, arbitrary: fc.record({ do: fc.constant("open"), stream }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("end", "fail", "cancel"), stream }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("push"), stream, count: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("connect"),
      browser,
      cursor: fc.oneof(
        { weight: 8, arbitrary: fc.constant("own") },
        fc.constantFrom("none", "invalid", "ahead", "stranger", "terminal"),
      ),
      now: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
      aborted: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
      loggedOut: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("subscribe"), stream, slow: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("leave"), browser, seen: fc.nat(2_000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("stall", "drain", "trickle"), browser }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("log out"), browser }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("pass"), ms: fc.constantFrom(1, 50, 300, 1_000, 4_000) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("turn") }) },
];

const withDatabase: Weighted = {
  weight: 8,
  arbitrary: fc.record({
    do: fc.constant("save"),
    stream,
    is: fc.constantFrom(
      "none",
      "pending",
      "nowhere",
      "running",
      "running",
      "finished",
      "throwing",
      "garbage",
    ),
    number: fc.nat(12),
  }),
};

/** Long enough for a look-up to be late, and for an answer to be old. */
const longer: Weighted = {
  weight: 4,
  arbitrary: fc.record({ do: fc.constant("pass"), ms: fc.constantFrom(1_000, 2_000) }),
};

const whenSlow: Weighted = {
  weight: 8,
  arbitrary: fc.record({ do: fc.constant("answer"), which: fc.nat(3), stale: fc.boolean() }),
};

const withSources: Weighted = { weight: 1, arbitrary: fc.record({ do: fc.constant("break"), stream }) };

const close = fc.record({ do: fc.constant("close"), deadline: fc.constantFrom(0, 100, 2_000) });

function historiesOf(service: Service): fc.Arbitrary<History> {
  const step = fc.oneof(
    ...always,
    ...(service.database === "none" ? [] : [withDatabase, longer]),
    ...(service.database === "slow" ? [whenSlow] : []),
    ...(service.sources ? [withSources] : []),
  );
  return fc
    .record({
      before: fc.array(step, { maxLength: 60, size: "max" }),
      closing: fc.option(close),
      after: fc.array(step, { maxLength: 10 }),
      seed: fc.nat(),
    })
    .map(({ before, closing, after, seed }) => ({
      service,
      steps: [...before, ...(closing === null ? [] : [closing]), ...after] as Step[],
      seed,
    }));
}

/** Histories of every service; in some the registry is closed before the end. */
export const histories: fc.Arbitrary<History> = fc.oneof(
  { weight: 3, arbitrary: historiesOf({ database: "none", sources: false }) },
  { weight: 2, arbitrary: historiesOf({ database: "prompt", sources: false }) },
  { weight: 2, arbitrary: historiesOf({ database: "slow", sources: false }) },
  { weight: 2, arbitrary: historiesOf({ database: "none", sources: true }) },
  { weight: 1, arbitrary: historiesOf({ database: "prompt", sources: true }) },
  { weight: 1, arbitrary: historiesOf({ database: "slow", sources: true }) },
);
