import { expect, test } from "vitest";
import { checkOptions } from "../../src/base/check-options.ts";

const known = { cursor: true, heartbeat: true, from: true } as const;
const invalid = (message: string): unknown =>
  expect.objectContaining({ code: "INVALID_OPTION", message, expose: false });

test("known options, undefined ones and no options at all are accepted", () => {
  checkOptions(undefined, undefined, known);
  checkOptions(undefined, { heartbeat: 1, heartBeat: undefined }, known);
  checkOptions("nested", Object.create(null), known);
  expect.assertions(0);
});

test.each([
  [{ heartBeat: 5 }, "`heartBeat` is not an option. Did you mean `heartbeat`?"],
  [{ form: "now" }, "`form` is not an option. Did you mean `from`?"],
  [{ lastEventId: "7" }, "`lastEventId` is not an option. Here it is called `cursor`."],
  [{ toString: 1 }, "`toString` is not an option. The options are `cursor`, `from`, `heartbeat`."],
])("an unknown option is an error that names the right one: %j", (options, message) => {
  expect(() => checkOptions(undefined, options, known)).toThrow(invalid(message));
});

test("the name of a nested option has its path", () => {
  expect(() => checkOptions("buffer", { evnets: 5 }, { events: true })).toThrow(
    invalid("`buffer.evnets` is not an option. Did you mean `buffer.events`?"),
  );
});

test.each([null, 5, "x", [], () => 1])("%j are no options", (options) => {
  expect(() => checkOptions(undefined, options, known)).toThrow(
    expect.objectContaining({
      code: "INVALID_OPTION",
      message: expect.stringContaining("must be an object"),
    }),
  );
});
