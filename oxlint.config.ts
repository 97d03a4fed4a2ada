import { defineConfig, type OxlintOverride } from "oxlint";

/** The floors of core, from the cellar up. A file imports only from floors below its own. */
const floors = [
  ["event", "errors", "clock"],
  ["check", "latch", "event-id", "observer", "sink", "headers", "hash"],
  [
    "ring-buffer",
    "backoff",
    "counters",
    "encode",
    "decode",
    "abort-bridge",
    "waiters",
    "iterate",
    "position",
    "outcome",
    "store",
    "account",
    "queue",
    "stoppable-clock",
  ],
  ["log", "web-sink", "ticker", "control", "options", "answer", "line", "lookout"],
  ["stream", "crowd", "source", "subscription", "with-heartbeat", "shortcut", "channel-outbox"],
  ["connection", "reader", "writer", "lifetime", "snapshot", "pages", "outbox"],
  ["bare", "shelf", "snapshots", "opening", "replica"],
  ["visit"],
  ["search"],
  ["attach", "looks"],
  ["shared"],
  ["registry"],
  ["serve"],
  ["response"],
];

/** The floors of the client. */
const clientFloors = [
  [
    "outcome",
    "clock",
    "check",
    "safely",
    "control",
    "cursor",
    "page-life",
    "event-handlers",
    "block-reader",
    "decode",
    "retry-after",
  ],
  ["connection-error", "delay", "watchdog"],
  ["breaker"],
  ["options"],
  ["request", "recovery"],
  ["state", "exchange", "stream-reader"],
  ["loss-event", "engine"],
  ["connect", "resilient-event-source"],
];
/** The floors of the store over Redis. */
const redisFloors = [
  ["scripts/script", "port", "keys", "replies", "health", "steps"],
  ["scripts/open", "scripts/append", "scripts/read", "scripts/cancel", "scripts/lost"],
  ["scripts/index", "node-redis", "ioredis", "follower"],
  ["client", "caller", "wake"],
  ["redis-store"],
];
/** The client takes from core what it needs, and has it built in. */
const builtIn = ["@holdfast/core", "@holdfast/core/internal"];

/** Beside the house: they may use the lowest floors, and only the roof may use them. */
const aside = ["sources/poll", "sources/read-events"];
const usable = floors.slice(0, 3).flat();

const mayImport = (files: string[], allowed: string[], message: string, house = "core"): OxlintOverride => ({
  files: files.map((file) => `packages/${house}/src/${file}.ts`),
  rules: {
    "no-restricted-imports": [
      "error",
      { patterns: [{ group: ["*", ...allowed.map((specifier) => `!${specifier}`)], message }] },
    ],
  },
});

const inFolder = (folder: string, files: string[]): string[] => files.map((file) => `${folder}/${file}.ts`);

const STRANGER = "This file stands on no floor yet: give it one in oxlint.config.ts.";
const BELOW = "A file imports only from floors below its own.";

const timers = ["Date", "performance", "setImmediate", "setInterval", "setTimeout"];

export default defineConfig({
  plugins: ["typescript", "unicorn", "oxc", "import"],
  categories: { correctness: "error" },
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: "error" },
  rules: {
    eqeqeq: "error",
    "import/no-cycle": "error",
    "no-empty": "error",
    "preserve-caught-error": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-misused-promises": "error",
    "typescript/switch-exhaustiveness-check": "error",
    "unicorn/no-new-array": "off",
  },
  overrides: [
    // For one file the last word counts.
    mayImport(["**/*"], [], STRANGER),
    ...floors.map((files, floor) => mayImport(files, inFolder(".", floors.slice(0, floor).flat()), BELOW)),
    mayImport(
      ["index"],
      inFolder(".", [...floors.flat(), ...aside]),
      "The roof imports files of core, and nothing else.",
    ),
    mayImport(aside, inFolder("..", usable), "A source aside imports only from the lowest floors."),
    mayImport(
      ["sources/read-events"],
      ["eventsource-parser", ...inFolder("..", usable)],
      "This source imports only the parser and the lowest floors.",
    ),
    mayImport(["internal/index"], inFolder("..", usable), "What the family shares is on the lowest floors."),
    mayImport(
      ["testing/index"],
      inFolder(".", ["fake-clock", "memory-client", "memory-store"]),
      "Testing has a roof of its own.",
    ),
    mayImport(
      ["testing/fake-clock", "testing/memory-client", "testing/memory-store"],
      inFolder("..", [...floors.slice(0, 2).flat(), "store"]),
      "What tests are given stands on the cellar, the ground and the seams alone.",
    ),
    mayImport(["**/*"], [], STRANGER, "client"),
    ...clientFloors.map((files, floor) =>
      mayImport(files, [...builtIn, ...inFolder(".", clientFloors.slice(0, floor).flat())], BELOW, "client"),
    ),
    mayImport(
      ["block-reader"],
      ["eventsource-parser"],
      "This file imports the parser, and nothing else.",
      "client",
    ),
    mayImport(
      ["index"],
      ["@holdfast/core", ...inFolder(".", clientFloors.flat())],
      "The roof imports files of the client, and names of core.",
      "client",
    ),
    mayImport(["**/*"], [], STRANGER, "redis"),
    ...redisFloors.map((files, floor) =>
      mayImport(
        files,
        [
          ...builtIn,
          "node:crypto",
          ...inFolder(".", redisFloors.slice(0, floor).flat()),
          "./script.ts",
          ...(floor > 1 ? inFolder(".", ["open", "append", "read", "cancel", "lost"]) : []),
        ],
        BELOW,
        "redis",
      ),
    ),
    mayImport(
      ["index"],
      inFolder(".", ["redis-store", "client"]),
      "The roof imports files of the store, and nothing else.",
      "redis",
    ),
    {
      files: ["packages/{core,client,redis}/src/**"],
      // A date that came with a response is read, not the time.
      excludeFiles: ["packages/*/src/clock.ts", "packages/client/src/retry-after.ts"],
      rules: {
        "no-restricted-globals": [
          "error",
          ...timers.map((name) => ({ name, message: "Time comes through Clock." })),
        ],
      },
    },
  ],
});
