import { adapterSuite, type AdapterUnderTest, type Runner } from "@holdfast/conformance";
import { describe, expect, onTestFinished, test, vi } from "vitest";

/** That clients leave is no news. */
const LEAVING = ["sees its client leave", "lets a bare source go"];

function expectQuiet(): void {
  const spies = (["error", "warn", "info", "log"] as const).map((method) =>
    vi.spyOn(console, method).mockImplementation(() => undefined),
  );
  onTestFinished(() => {
    const said = spies.flatMap(({ mock }) => mock.calls);
    vi.restoreAllMocks();
    expect(said).toEqual([]);
  });
}

let behaviour = "";
const quietTest = (name: string, run: () => Promise<void>): void => {
  const isQuiet = LEAVING.includes(behaviour);
  test(name, () => {
    if (isQuiet) expectQuiet();
    return run();
  });
};
const api: Runner = {
  describe: (name, tests) =>
    describe(name, () => {
      behaviour = name;
      tests();
    }),
  test: Object.assign(quietTest, { skip: test.skip }),
};

/** The suite, in a process whose console can be listened to. */
export function quietAdapterSuite(adapter: AdapterUnderTest): void {
  adapterSuite(api, adapter);
}
