import type { Random } from "../harness/random.ts";
import { http1Attack } from "./hostile-http1.ts";
import { hostileCursor, hostilePath, MARKER } from "./hostile-text.ts";
import * as h2 from "./http2-frames.ts";
import type { Attack } from "./raw-connection.ts";

const NOTHING = Buffer.alloc(0);

/** Frames of HTTP/2: many streams, rapid resets, floods, wrong frames and garbage. */
export function http2Attack(random: Random): Pick<Attack, "parts"> {
  if (random.chance(0.03)) return http1Attack(random);
  const start = [h2.PREFACE, h2.frame(h2.SETTINGS, 0, 0, settings(random))];
  const first = [
    ...start,
    ...random.pick([streams, rapidReset, streams, rapidReset, flood, wrong])(random, 1),
  ];
  const second = random.pick([nothing, streams, resets, flood, wrong, goAway])(random, 1_001);
  return { parts: [Buffer.concat(first), Buffer.concat(second)] };
}

type Frames = (random: Random, firstStream: number) => Buffer[];

const nothing: Frames = () => [];
const goAway: Frames = () => [h2.frame(h2.GOAWAY, 0, 0, Buffer.alloc(8))];

function settings(random: Random): Buffer {
  const [initialWindow, maxFrame, headerTable] = [4, 5, 1];
  return Buffer.concat([
    ...(random.chance(0.3) ? [h2.setting(initialWindow, random.pick([0, 1, 100, 2 ** 31 - 1]))] : []),
    ...(random.chance(0.1) ? [h2.setting(maxFrame, random.pick([16_384, 1, 2 ** 24 - 1]))] : []),
    ...(random.chance(0.1) ? [h2.setting(headerTable, random.pick([0, 2 ** 32 - 1]))] : []),
    ...(random.chance(0.05) ? [random.bytes(random.int(1, 12))] : []),
  ]);
}

function open(random: Random, stream: number): Buffer {
  const method = random.pick(["GET", "GET", "GET", "HEAD", "POST"]);
  const head = h2.fields([
    [":method", method],
    [":scheme", "http"],
    [":authority", "127.0.0.1"],
    [":path", hostilePath(random)],
    ...(random.chance(0.3) ? [["last-event-id", hostileCursor(random).slice(0, 12_000)] as const] : []),
    ...(random.chance(0.1) ? [["x-hostile", MARKER] as const] : []),
    ...(random.chance(0.05)
      ? [[random.pick(["connection", "Upper", ":path", "a b", ""]), "x"] as const]
      : []),
  ]);
  const isWhole = random.chance(0.95);
  const flags = (random.chance(0.9) ? h2.END_STREAM : 0) | (isWhole ? h2.END_HEADERS : 0);
  const opened = h2.frame(h2.HEADERS, flags, stream, head);
  if (isWhole) return opened;
  const rest = Array.from({ length: random.int(0, 20) }, () => h2.frame(h2.CONTINUATION, 0, stream, NOTHING));
  return Buffer.concat([opened, ...rest]);
}

/** Streams that stay open. */
const streams: Frames = (random, first) =>
  Array.from({ length: random.int(1, 20) }, (_, index) => open(random, first + 2 * index));

/** Streams that are reset at once, or while their responses run. */
const rapidReset: Frames = (random, first) =>
  Array.from({ length: random.int(1, 60) }, (_, index) => {
    const stream = first + 2 * index;
    return Buffer.concat([open(random, stream), reset(random, stream)]);
  });

const resets: Frames = (random) =>
  Array.from({ length: random.int(1, 40) }, (_, index) => reset(random, 1 + 2 * index));

function reset(random: Random, stream: number): Buffer {
  return h2.frame(h2.RST_STREAM, 0, stream, h2.uint32(random.pick([8, 0, 2, 7, 99])));
}

const flood: Frames = (random) => {
  const one = random.pick([
    h2.frame(h2.PING, 0, 0, Buffer.alloc(8)),
    h2.frame(h2.SETTINGS, 0, 0, NOTHING),
    h2.frame(h2.PRIORITY, 0, 1, Buffer.alloc(5)),
    h2.frame(h2.DATA, 0, 1, NOTHING),
  ]);
  return Array.from({ length: random.int(10, 500) }, () => one);
};

const wrong: Frames = (random) => [
  random.pick([
    h2.frame(h2.WINDOW_UPDATE, 0, random.int(0, 3), h2.uint32(random.pick([0, 1, 2 ** 31 - 1]))),
    h2.frame(h2.WINDOW_UPDATE, 0, 0, h2.uint32(2 ** 31 - 1)),
    h2.frame(h2.HEADERS, h2.END_HEADERS, random.pick([0, 2, 1]), random.bytes(random.int(0, 200))),
    h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, random.bytes(20)),
    h2.frame(random.int(0, 255), random.int(0, 255), random.int(0, 9), random.bytes(random.int(0, 300))),
    random.bytes(random.int(1, 400)),
  ]),
];
