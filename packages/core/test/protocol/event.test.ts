import { expectTypeOf, test } from "vitest";
import type { AnyEvents, StreamEvent } from "../../src/protocol/event.ts";

interface Events {
  message: string;
  progress: { readonly percent: number };
  done: undefined;
}

test("a map of events gives each name its data; only the name `message` may be left out", () => {
  expectTypeOf<{ data: string }>().toExtend<StreamEvent<Events>>();
  expectTypeOf<{ event: "message"; data: string }>().toExtend<StreamEvent<Events>>();
  expectTypeOf<{ event: "progress"; data: { percent: number } }>().toExtend<StreamEvent<Events>>();
  expectTypeOf<{ event: "done" }>().toExtend<StreamEvent<Events>>();
  expectTypeOf<{ event: "progress"; data: string }>().not.toExtend<StreamEvent<Events>>();
  expectTypeOf<{ event: "progress" }>().not.toExtend<StreamEvent<Events>>();
  expectTypeOf<{ event: "other"; data: string }>().not.toExtend<StreamEvent<Events>>();
  expectTypeOf<{ data: { percent: number } }>().not.toExtend<StreamEvent<Events>>();
});

test("without a map any name and any data are allowed", () => {
  expectTypeOf<{ event: "any"; data: 5 }>().toExtend<StreamEvent<AnyEvents>>();
  expectTypeOf<{ event: "any" }>().toExtend<StreamEvent<AnyEvents>>();
});
