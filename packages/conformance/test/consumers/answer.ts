import {
  type AnyEvents,
  type Control,
  HoldfastError,
  type Registry,
  type RegistryOptions,
  type StreamWriter,
} from "@holdfast/core";
import { expect, onTestFinished } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import type { Recorded } from "../support/recording-observer.ts";
import { startStreamServer } from "../support/stream-server.ts";
import { testRegistry } from "../support/test-registry.ts";

/** A stream that `node:http` serves, with the first of its events. */
export interface Answer {
  readonly registry: Registry;
  readonly recorded: Recorded;
  readonly writer: StreamWriter<AnyEvents>;
  readonly url: string;
  /** Drains the clients that are connected. */
  readonly drain: () => void;
}

const ID = "answer";

export async function startAnswer(
  control: Control,
  events: readonly unknown[],
  options: RegistryOptions = {},
): Promise<Answer> {
  const { registry, recorded } = testRegistry(options);
  // A client that is drained on arrival is not counted: its connection may close later than the registry.
  onTestFinished(() => eventually(() => expect(recorded.closed).toHaveLength(recorded.opened)));
  const writer = await registry.open(ID);
  for (const data of events) writer.push({ data });
  let login = new AbortController();
  const served = {
    control,
    get signal(): AbortSignal {
      return login.signal;
    },
  };
  const { port } = await startStreamServer(() => registry.stream(ID), served);
  const url = `http://127.0.0.1:${port}/api/chat`;
  const drain = (): void => {
    login.abort();
    login = new AbortController();
  };
  return { registry, recorded, writer, url, drain };
}

/** How a response ends before its answer is complete. */
interface IncompleteEnding {
  readonly name: string;
  readonly end: (answer: Answer) => unknown;
}

export const incompleteEndings: readonly IncompleteEnding[] = [
  { name: "cut by a deploy", end: closeRegistry },
  { name: "drained", end: ({ drain }) => drain() },
  { name: "cancelled", end: ({ registry }) => registry.cancel(ID) },
  { name: "replaced by another one", end: ({ registry }) => registry.open(ID, { ifExists: "replace" }) },
  { name: "failed", end: failAnswer },
];

/** Begins a deploy: from now on all clients are drained. */
export async function closeRegistry({ registry }: Answer): Promise<void> {
  await registry.close({ spread: 0 });
}

export async function failAnswer({ writer, recorded }: Answer): Promise<void> {
  await writer.fail(new HoldfastError("SOURCE_FAILED", "The model is busy."));
  expect(recorded.failed.splice(0)).toHaveLength(1);
}
