import { createRequire, registerHooks } from "node:module";
import { Window } from "happy-dom";
import type * as React from "react";
import type * as ReactDom from "react-dom";
import type * as ReactClient from "react-dom/client";
import type * as ReactServer from "react-dom/server";
import { expect, onTestFinished, vi } from "vitest";
import type { useStream } from "../../src/index.ts";
import type { streams } from "../../src/shared-stream.ts";

export type Version = "18" | "19";

/** One version of React, and the hook that uses it. */
export interface Loaded {
  readonly react: typeof React;
  readonly dom: typeof ReactDom;
  readonly client: typeof ReactClient;
  readonly server: typeof ReactServer;
  readonly useStream: typeof useStream;
  readonly streams: typeof streams;
}

const require = createRequire(import.meta.url);

// The DOM of React 18 has to get its own React, although that is installed under another name.
registerHooks({
  resolve: (specifier, context, next) =>
    next(
      specifier === "react" && context.parentURL?.includes("/react-dom@18") === true
        ? require.resolve("react-18")
        : specifier,
      context,
    ),
});

/** Loads the hook with a version of React, in a page of its own. */
export async function loadReact(version: Version): Promise<Loaded> {
  const window = new Window({ url: "http://page.test/" });
  // Only what React itself uses: the network stays that of Node.
  Object.assign(globalThis, { window, document: window.document });
  vi.resetModules();
  const [name, dom] = version === "18" ? ["react-18", "react-dom-18"] : ["react", "react-dom"];
  const load = <Module>(specifier: string): Module => require(specifier) as Module;
  const react = load<typeof React>(name);
  vi.doMock("react", () => ({ ...react, default: react }));
  const hook = await import("../../src/index.ts");
  const shared = await import("../../src/shared-stream.ts");
  return {
    react,
    dom: load(dom),
    client: load(`${dom}/client`),
    server: load(`${dom}/server`),
    useStream: hook.useStream,
    streams: shared.streams,
  };
}

/** A page on which something is rendered, until the test is finished. */
export interface Page {
  readonly container: HTMLElement;
  readonly text: string;
  render(element: React.ReactNode): void;
  unmount(): void;
}

/** Renders into an empty page. The test fails if React logs an error, or a stream is left at its end. */
export function mount({ client, streams }: Loaded, element: React.ReactNode, onError?: () => void): Page {
  const errors = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const container = document.createElement("div");
  const root = client.createRoot(container, onError && { onRecoverableError: onError });
  const page: Page = {
    container,
    get text() {
      return container.textContent ?? "";
    },
    render: (next) => root.render(next),
    unmount: () => root.unmount(),
  };
  root.render(element);
  onTestFinished(async () => {
    page.unmount();
    await eventually(() => expect(streams.size, "streams that are left").toBe(0));
    const logged = errors.mock.calls.map((call) => call.map(String).join(" "));
    errors.mockRestore();
    if (!onError && logged.length > 0) throw new Error(`React logged: ${logged.join("\n")}`);
  });
  return page;
}

/** Waits until a check does not throw, for as long as a busy machine may need. */
export const eventually = (check: () => void): Promise<void> =>
  vi.waitFor(check, { timeout: 100_000, interval: 5 });
