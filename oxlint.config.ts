import { defineConfig, type OxlintOverride } from "oxlint";

type Rooms = Readonly<Record<string, readonly string[]>>;

/**
 * The rooms (folders) of each package and the rooms that each may import from: only those below it, and files of its own.
 * The order is from the bottom up. A room that is not listed here may import nothing.
 */
const coreRooms: Rooms = {
  base: [],
  protocol: ["base"],
  contract: ["protocol", "base"],
  log: ["protocol", "base"],
  connection: ["protocol", "base"],
  stream: ["connection", "contract", "log", "protocol", "base"],
  store: ["stream", "connection", "log", "protocol", "base"],
  registry: ["store", "stream", "connection", "contract", "log", "protocol", "base"],
  sources: ["protocol", "base", "eventsource-parser"],
  observability: ["protocol", "base"],
  internal: [
    "connection/chunk-writer.ts",
    "connection/response-turn.ts",
    "store-kit/stored-values.ts",
    "store-kit/subscriber.ts",
    "store-kit/with-timeout.ts",
    "contract",
    "protocol",
    "base",
  ],
  app: [
    "registry",
    "stream",
    "connection",
    "contract",
    "log",
    "store",
    "sources",
    "observability",
    "protocol",
    "base",
  ],
  multiplex: ["connection", "protocol", "base"],
  // Only the seam: stores are built of it, in any package.
  "store-kit": ["store/store.ts", "protocol", "base"],
  // Only the seam of stores and the types of sinks: test doubles implement them.
  testing: ["store-kit/index.ts", "store/store.ts", "connection/sink.ts", "protocol", "base"],
};

/** What the client takes from core is bundled into it. */
const builtIn = ["@holdfast/core", "@holdfast/core/internal"];
/** The rooms of the client. `connect.ts`, `resilient-event-source.ts` and `multiplex` join them. */
const clientRooms: Rooms = {
  base: ["@holdfast/core"],
  retry: ["base", "@holdfast/core"],
  request: ["retry", "base", ...builtIn],
  stream: ["retry", ...builtIn],
  connection: ["stream", "request", "retry", "base", "@holdfast/core"],
  "event-source": ["connection", "retry"],
  multiplex: ["connection", "stream", "request", "retry", "base"],
  tabs: ["multiplex", "connection", "stream", "request", "retry", "base"],
  answers: ["connect.ts", "connection", "stream"],
  internal: ["answers"],
};
/** What every store is built of. */
const storeKit = "@holdfast/core/store-kit";
/** The rooms of the store on Redis. Its `redis-store.ts` joins them. */
const redisRooms: Rooms = {
  scripts: ["node:crypto"],
  connectors: builtIn,
  commands: ["connectors", "scripts", ...builtIn, storeKit],
  pubsub: ["connectors", ...builtIn, storeKit],
};
/** The page and the server of a chat, which know nothing of each other. */
const aiSdkRooms: Rooms = {
  transport: ["@holdfast/client", "@holdfast/client/internal", "npm:ai"],
  server: ["@holdfast/core", "npm:ai"],
};
/** The page and the server of an agent. */
const agUiRooms: Rooms = {
  agent: ["@holdfast/client", "@holdfast/client/internal", "npm:@ag-ui/client", "npm:rxjs"],
  server: ["@holdfast/core", "npm:@ag-ui/client"],
};
const node = ["node:*", "node:*/*"];
/** The rooms of the suites. Only the client half uses Node: the subject runs on every runtime. */
const conformanceRooms: Rooms = {
  wire: [...node],
  subject: ["@holdfast/core", "@holdfast/core/multiplex", "@holdfast/core/testing"],
  harness: ["subject", "wire", "runner.ts", ...node],
  "adapter-suite": ["harness", "subject", "wire", "runner.ts", ...node],
  "store-suite": ["runner.ts", "@holdfast/core", ...node],
};

const mayImport = (files: string[], allowed: string[], message: string, house = "core"): OxlintOverride => ({
  files: files.map((file) => `packages/${house}/src/${file}.ts`),
  rules: {
    "no-restricted-imports": [
      "error",
      { patterns: [{ group: ["*", ...allowed.map((specifier) => `!${specifier}`)], message }] },
    ],
  },
});

/** What a room may import, as the patterns of a rule: a room, a file of a room, or a package. */
const fromRoom = (specifier: string): string => {
  // A package whose name looks like that of a room.
  if (specifier.startsWith("npm:")) return specifier.slice("npm:".length);
  if (specifier.endsWith(".ts")) return `../${specifier}`;
  return /^[a-z]+$/.test(specifier) ? `../${specifier}/*.ts` : specifier;
};

/** One rule for each room. */
const roomRules = (house: string, rooms: Rooms): OxlintOverride[] => [
  mayImport(["**/*"], [], UNKNOWN_ROOM, house),
  ...Object.entries(rooms).map(([room, below]) =>
    mayImport([`${room}/**/*`], ["./*.ts", ...below.map(fromRoom)], ROOM_BELOW, house),
  ),
  mayImport(
    ["index"],
    Object.keys(rooms).map((room) => `./${room}/*.ts`),
    "The index only re-exports files of its package.",
    house,
  ),
];

const UNKNOWN_ROOM = "This folder is not listed in oxlint.config.ts: say there what it may import.";
const ROOM_BELOW = "A room imports only from the rooms below it: see the list in oxlint.config.ts.";

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
    // When several of these rules match a file, the last one counts.
    ...roomRules("core", coreRooms),
    ...roomRules("client", clientRooms),
    mayImport(
      ["connect", "resilient-event-source"],
      ["./*/*.ts"],
      "The two interfaces import the rooms of their package.",
      "client",
    ),
    mayImport(
      ["index"],
      ["@holdfast/core", "./*.ts", "./*/*.ts"],
      "The index only re-exports files of its package, and names of core.",
      "client",
    ),
    ...roomRules("conformance", conformanceRooms),
    mayImport(
      ["index"],
      ["./adapter-suite/adapter-suite.ts", "./harness/*.ts", "./subject/index.ts", "./runner.ts"],
      "The index only re-exports files of its package.",
      "conformance",
    ),
    ...roomRules("ai-sdk", aiSdkRooms),
    ...roomRules("ag-ui", agUiRooms),
    ...roomRules("redis", redisRooms),
    mayImport(
      ["redis-store"],
      [...builtIn, storeKit, "./*/*.ts"],
      "The store imports the rooms of its package, and core.",
      "redis",
    ),
    mayImport(
      ["index"],
      ["./redis-store.ts", "./connectors/*.ts"],
      "The index only re-exports files of its package.",
      "redis",
    ),
    {
      files: ["packages/{core,client,postgres,redis,sqlite}/src/**"],
      // A date that came with a response is read, not the time.
      excludeFiles: [
        "packages/{core,client}/src/base/clock.ts",
        "packages/client/src/request/retry-after.ts",
        "packages/core/src/sources/retry-after.ts",
      ],
      rules: {
        "no-restricted-globals": [
          "error",
          ...timers.map((name) => ({ name, message: "Time comes through Clock." })),
        ],
      },
    },
    {
      files: [
        "examples/{frameworks,jobs-from-a-queue,shutdown}/**",
        "packages/conformance/test/processes/deployed-server.ts",
      ],
      // The handler of a signal may return a promise: if it rejects, the process fails.
      rules: {
        "typescript/no-misused-promises": ["error", { checksVoidReturn: { arguments: false } }],
      },
    },
    {
      // Their packages are not installed here, so that imported types are unknown.
      files: ["examples/frameworks/apps/**"],
      rules: { "typescript/no-redundant-type-constituents": "off" },
    },
  ],
});
