// A type only; its implementations are tested by test/stream/reader.test.ts and test/connection/bare-source.test.ts.
import type { DrainReason } from "../protocol/reasons.ts";

/** Where a connection gets its frames from. */
export interface FrameSource {
  /** Writes what there is while the connection is ready. Called when it may be ready again. */
  pump(): void;
  /** Writes what the client could not get after a reconnect. Called before a drain, while the connection is ready. */
  flush?(reason: DrainReason): void;
  /** A block that moves the client's cursor over what it does not get, to go out with a heartbeat. */
  takeCursor?(): Uint8Array | undefined;
  /** The connection is closed, for whatever reason. Called once. */
  detach?(): void;
}
