import { createRequire } from "node:module";
import type { ComponentType, ReactNode } from "react";
import { text } from "@holdfast/client";
import { beforeAll, describe, expect, test } from "vitest";
import { eventually, type Loaded, loadReact, mount } from "./support/react.ts";
import { startStreamServer } from "./support/stream-server.ts";

/** What the tools of a bundler call when a module has been edited. */
const refresh = createRequire(import.meta.url)("react-refresh/runtime") as {
  injectIntoGlobalHook: (global: object) => void;
  register: (component: ComponentType, id: string) => void;
  performReactRefresh: () => void;
};

describe.each(["19", "18"] as const)("React %s", (version) => {
  let loaded: Loaded;
  beforeAll(async () => {
    // React's DOM looks for it when it is loaded.
    refresh.injectIntoGlobalHook(globalThis);
    loaded = await loadReact(version);
  });

  /** A module with a component, as the bundler evaluates it after each edit. */
  function evaluate(url: string, edit: (data: string) => string): ComponentType {
    const reduce = (value: string, { data }: { readonly data: string }): string => value + edit(data);
    const Answer = (): ReactNode =>
      loaded.useStream(url, { events: { token: text }, reduce, initial: "" }).value;
    refresh.register(Answer, "Answer");
    return Answer;
  }

  test("an edited component makes its value anew, of the same connection", async () => {
    const { jobs, requests, url } = await startStreamServer();
    const job = await jobs.open("1");
    job.push({ event: "token", data: "a" });
    const Answer = evaluate(url("1"), (data) => data);
    const page = mount(
      loaded,
      loaded.react.createElement(loaded.react.StrictMode, null, loaded.react.createElement(Answer)),
    );
    await eventually(() => expect(page.text).toBe("a"));
    evaluate(url("1"), (data) => data.toUpperCase());
    refresh.performReactRefresh();
    await eventually(() => expect(page.text).toBe("A"));
    job.push({ event: "token", data: "b" });
    await eventually(() => expect(page.text).toBe("AB"));
    expect(requests).toEqual(["1"]);
  });
});
