import { adapterSuite, type AdapterUnderTest, type Runner } from "@holdfast/conformance";
import { describe, expect, onTestFinished, test, vi } from "vitest";

/** Topics in which nothing may be logged: it is normal that clients disconnect. */
const QUIET_TOPICS = ["disconnect", "disconnect from a bare source"];

function expectQuiet(): void {
  const spies = (["error", "warn", "info", "log"] as const).map((method) =>
    vi.spyOn(console, method).mockImplementation(() => undefined),
  );
  onTestFinished(() => {
    const logged = spies.flatMap(({ mock }) => mock.calls);
    vi.restoreAllMocks();
    expect(logged).toEqual([]);
  });
}

let topic = "";
const quietTest = (name: string, run: () => Promise<void>): void => {
  const isQuiet = QUIET_TOPICS.includes(topic);
  test(name, () => {
    if (isQuiet) expectQuiet();
    return run();
  });
};
const api: Runner = {
  describe: (name, tests) =>
    describe(name, () => {
      topic = name;
      tests();
    }),
  test: Object.assign(quietTest, { skip: test.skip }),
};

/** The adapter suite for a server in this process, whose console can be checked. */
export function quietAdapterSuite(adapter: AdapterUnderTest): void {
  adapterSuite(api, adapter);
}
