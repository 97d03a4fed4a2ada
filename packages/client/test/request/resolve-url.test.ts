import { afterEach, describe, expect, test, vi } from "vitest";
import { connect } from "../../src/index.ts";
import { createFakeServer } from "../support/fake-server.ts";
import { collect, optionsOf } from "../support/follow.ts";

describe("a URL", () => {
  afterEach(() => vi.unstubAllGlobals());

  test("that is invalid is a TypeError", () => {
    expect(() => connect("http://")).toThrow(TypeError);
    expect(() => connect("/relative")).toThrow(TypeError);
    expect(() => connect("http://server.test", { method: "POST", resumeUrl: "http://" })).toThrow(TypeError);
  });

  test("is relative to the page, as for `fetch`", async () => {
    vi.stubGlobal("document", Object.assign(new EventTarget(), { baseURI: "http://page.test/base/" }));
    const server = createFakeServer();
    collect(connect("../jobs?x#part", optionsOf(server, {})));
    await server.clock.flush();
    expect(server.last.url).toBe("http://page.test/jobs?x#part");
  });

  test("is relative to the worker, where there is no page", async () => {
    vi.stubGlobal("location", { href: "http://page.test/worker.js" });
    const server = createFakeServer();
    collect(connect(new URL("http://other.test/jobs"), optionsOf(server, {})));
    collect(connect("jobs", optionsOf(server, {})));
    await server.clock.flush();
    expect(server.exchanges.map(({ url }) => url)).toEqual([
      "http://other.test/jobs",
      "http://page.test/jobs",
    ]);
  });
});
