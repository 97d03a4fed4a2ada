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
    "account",
    "queue",
  ],
  ["log", "web-sink", "ticker", "control", "options", "answer"],
  ["stream", "crowd", "source", "subscription", "with-heartbeat"],
  ["connection", "reader", "writer", "lifetime", "snapshot"],
  ["bare", "shelf", "snapshots", "opening"],
  ["search"],
  ["attach"],
  ["registry"],
  ["serve"],
  ["response"],
];

/** Beside the house: they may use the lowest floors, and only the roof may use them. */
const aside = ["sources/poll", "sources/read-events"];
const usableAside = floors.slice(0, 3).flat();

const mayImport = (files: string[], allowed: string[], message: string): OxlintOverride => ({
  files: files.map((file) => `packages/core/src/${file}.ts`),
  rules: {
    "no-restricted-imports": [
      "error",
      { patterns: [{ group: ["*", ...allowed.map((specifier) => `!${specifier}`)], message }] },
    ],
  },
});

const inFolder = (folder: string, files: string[]): string[] => files.map((file) => `${folder}/${file}.ts`);

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
    mayImport(["**/*"], [], "This file stands on no floor yet: give it one in oxlint.config.ts."),
    ...floors.map((files, floor) =>
      mayImport(
        files,
        inFolder(".", floors.slice(0, floor).flat()),
        "A file imports only from floors below its own.",
      ),
    ),
    mayImport(
      ["index"],
      inFolder(".", [...floors.flat(), ...aside]),
      "The roof imports files of core, and nothing else.",
    ),
    mayImport(aside, inFolder("..", usableAside), "A source aside imports only from the lowest floors."),
    mayImport(
      ["sources/read-events"],
      ["eventsource-parser", ...inFolder("..", usableAside)],
      "This source imports only the parser and the lowest floors.",
    ),
    mayImport(["testing/index"], ["./fake-clock.ts", "./memory-client.ts"], "Testing has a roof of its own."),
    mayImport(
      ["testing/fake-clock", "testing/memory-client"],
      inFolder("..", floors.slice(0, 2).flat()),
      "What tests are given stands on the cellar and the ground alone.",
    ),
    {
      files: ["packages/core/src/**"],
      excludeFiles: ["packages/core/src/clock.ts"],
      rules: {
        "no-restricted-globals": [
          "error",
          ...timers.map((name) => ({ name, message: "Time comes through Clock." })),
        ],
      },
    },
  ],
});
