import { type ConnectionState, json, type Message, text, type TextMessage } from "@holdfast/client";
import { expect, expectTypeOf, test } from "vitest";
import { type StreamMessages, type StreamState, useStream } from "../src/index.ts";

interface Progress {
  readonly done: number;
  readonly total: number;
}
const events = { token: text, progress: json<Progress>() };
type Events = Message<{ token: string; progress: Progress }>;

test("the types of the messages come from the contract", () => {
  // Only the compiler reads it: hooks are called by components.
  const Component = (): void => {
    expectTypeOf(useStream("/jobs/42")).toEqualTypeOf<StreamMessages<TextMessage>>();
    expectTypeOf(useStream("/jobs/42", { key: "ada" }).messages).toEqualTypeOf<readonly TextMessage[]>();
    expectTypeOf(useStream(new URL("http://a.test"), { events }).messages).toEqualTypeOf<readonly Events[]>();
    for (const { event, data } of useStream("/jobs/42", { events }).messages) {
      if (event === "progress") expectTypeOf(data).toEqualTypeOf<Progress>();
      else expectTypeOf(data).toEqualTypeOf<string>();
      // @ts-expect-error -- there is no such event
      if (event === "other") expect(data).toBe("");
    }
  };
  expect(Component).toBeTypeOf("function");
});

test("the type of the value comes from `initial` and `reduce`", () => {
  const Component = (id: string | undefined): void => {
    const { value } = useStream(id && `/jobs/${id}`, {
      events,
      reduce: (percent, message) => {
        expectTypeOf(message).toEqualTypeOf<Events>();
        return message.event === "progress" ? message.data.done / message.data.total : percent;
      },
      initial: 0,
    });
    expectTypeOf(value).toEqualTypeOf<number>();
    const words = useStream("/a", { reduce: (all, { data }) => [...all, data], initial: [] as string[] });
    expectTypeOf(words.value).toEqualTypeOf<string[]>();
    // @ts-expect-error -- a value has no messages
    expect(words.messages).toBeUndefined();
    // @ts-expect-error -- `initial` is missing
    useStream("/a", { reduce: (all: string, { data }: TextMessage) => all + data });
    // @ts-expect-error -- it makes something else than `initial`
    useStream("/a", { reduce: (all: string) => all.length, initial: "" });
    // @ts-expect-error -- a hook only reads: it does not post
    useStream("/a", { method: "POST" });
    // @ts-expect-error -- what `initial` stands for is not the server's to continue
    useStream("/a", { lastEventId: "k3v9x0q2ma.7" });
  };
  expect(Component).toBeTypeOf("function");
});

test("the state has the client's words, and `idle`", () => {
  expectTypeOf<StreamState>().toEqualTypeOf<ConnectionState | { readonly status: "idle" }>();
  const Component = (): void => {
    const { state, error, lost } = useStream(null);
    if (state.status === "retrying") expectTypeOf(state.delay).toEqualTypeOf<number>();
    expectTypeOf(error).toBeUnknown();
    expectTypeOf(lost).toEqualTypeOf<readonly (readonly [from: number, to: number])[]>();
  };
  expect(Component).toBeTypeOf("function");
});
