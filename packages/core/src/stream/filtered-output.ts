import type { Filter } from "../connection/options.ts";
import { concatFrames } from "../protocol/control-events.ts";
import { decodeFrames } from "../protocol/decode.ts";
import { controlText } from "../protocol/encode.ts";
import type { CloseReason, DrainReason } from "../protocol/reasons.ts";
import type { StreamEnd } from "../protocol/outcome.ts";
import type { FrameSource } from "../connection/frame-source.ts";
import type { Reader, ReaderOutput } from "./reader.ts";

/** After so many events in a row that are left out, the client's cursor is moved over them. */
const MAX_LEFT_OUT = 256;
const LF = 0x0a;
const NO_BYTES = new Uint8Array();
const encoder = new TextEncoder();

/** Leaves events out of what a reader writes. The cursor of the client moves over them, by blocks that have only an `id:`. */
export class FilteredOutput implements ReaderOutput {
  readonly #output: ReaderOutput;
  readonly #filter: (event: {
    readonly event: string;
    readonly id: string;
    readonly data: string;
  }) => boolean;
  /** The cursor behind what was left out last, if the client does not have it. */
  #cursor: string | undefined;
  #leftOut = 0;

  constructor(output: ReaderOutput, filter: Filter) {
    this.#output = output;
    if (typeof filter === "function") this.#filter = filter;
    else {
      const names = new Set(filter);
      this.#filter = ({ event }) => names.has(event);
    }
  }

  get ready(): boolean {
    return this.#output.ready;
  }

  get options(): ReaderOutput["options"] {
    return this.#output.options;
  }

  get labels(): ReaderOutput["labels"] {
    return this.#output.labels;
  }

  write(bytes: Uint8Array, events = 0): void {
    if (events === 0) return this.#output.write(this.#withCursor(bytes));
    let kept = 0;
    const frames: Uint8Array[] = [];
    for (const frame of splitFrames(bytes)) {
      const kind = this.#classify(frame);
      if (kind === "kept") kept++;
      if (kind !== "left out") frames.push(frame);
      else if (this.#leftOut >= MAX_LEFT_OUT) frames.push(this.takeCursor() ?? NO_BYTES);
    }
    if (frames.length > 0) this.#output.write(concatFrames(frames), kept);
  }

  end(reason: CloseReason, lastFrame: Uint8Array, end: StreamEnd): void {
    this.#output.end(reason, this.#withCursor(lastFrame), end);
  }

  cut(reason: CloseReason, lastFrame?: Uint8Array, end?: StreamEnd): void {
    this.#output.cut(reason, lastFrame === undefined ? this.takeCursor() : this.#withCursor(lastFrame), end);
  }

  pump(): void {
    this.#output.pump();
  }

  caughtUp(events: number): void {
    this.#output.caughtUp(events);
  }

  /** A block that moves the client's cursor over what was left out; `undefined` if it is there. */
  takeCursor(): Uint8Array | undefined {
    const id = this.#cursor;
    this.#cursor = undefined;
    this.#leftOut = 0;
    return id === undefined ? undefined : encoder.encode(controlText(undefined, { id }));
  }

  #withCursor(bytes: Uint8Array): Uint8Array {
    const cursor = this.takeCursor();
    return cursor === undefined ? bytes : concatFrames([cursor, bytes]);
  }

  #classify(frame: Uint8Array): "left out" | "kept" | "control" {
    const [{ event, id, data } = {} as never] = decodeFrames(frame);
    if (event.startsWith("stream.")) return "control";
    if (data === undefined || this.#filter({ event, id: id ?? "", data })) {
      if (id !== undefined) this.takeCursor();
      return data === undefined ? "control" : "kept";
    }
    this.#cursor = id ?? this.#cursor;
    this.#leftOut++;
    return "left out";
  }
}

/** A reader whose output is filtered. */
export class FilteredReader implements FrameSource {
  readonly #reader: Reader;
  readonly #output: FilteredOutput;

  constructor(reader: Reader, output: FilteredOutput) {
    this.#reader = reader;
    this.#output = output;
  }

  pump(): void {
    this.#reader.pump();
  }

  flush(reason: DrainReason): void {
    this.#reader.flush(reason);
  }

  takeCursor(): Uint8Array | undefined {
    return this.#output.takeCursor();
  }

  detach(): void {
    this.#reader.detach();
  }
}

/** The frames in bytes that hold whole ones. */
function* splitFrames(bytes: Uint8Array): Generator<Uint8Array> {
  let start = 0;
  for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, end + 1)) {
    if (bytes[end + 1] !== LF) continue;
    yield bytes.subarray(start, end + 2);
    start = end + 2;
    end++;
  }
}
