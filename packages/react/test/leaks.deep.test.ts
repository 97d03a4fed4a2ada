import type { ReactNode } from "react";
import { beforeAll, describe, expect, test } from "vitest";
import { churn } from "./support/churn.ts";
import { eventually, type Loaded, loadReact, mount } from "./support/react.ts";
import { startStreamServer } from "./support/stream-server.ts";

const TIMES = 1_000;

describe.each(["19", "18"] as const)("React %s", (version) => {
  let loaded: Loaded;
  beforeAll(async () => {
    loaded = await loadReact(version);
  });

  test("after 1,000 mounts and changes of the URL nothing is left", () => churn(loaded, TIMES));

  test("after 1,000 mounts and changes of the URL no request is open on a real server", async () => {
    const server = await startStreamServer();
    const h = loaded.react.createElement;
    for (let id = 0; id < 10; id++) {
      (await server.jobs.open(String(id))).push({ event: "message", data: `of ${id}` });
    }
    function Item({ id }: { id: number }): ReactNode {
      return loaded.useStream(server.url(String(id % 10))).messages.map(({ data }) => data);
    }
    const page = mount(loaded, null);
    for (let id = 0; id < TIMES; id++) {
      const item = h(Item, { key: id >> 1, id });
      loaded.dom.flushSync(() => page.render(h(loaded.react.StrictMode, null, item)));
      // Some are left before their request has been answered, some after they have shown what there is.
      if (id % 3 === 0) await eventually(() => expect(page.text).toBe(`of ${id % 10}`));
      else await new Promise((resolve) => setImmediate(resolve));
    }
    page.unmount();
    await eventually(() => expect(loaded.streams.size).toBe(0));
    await eventually(() => expect(server.open).toBe(0));
    // Ten streams are asked for again only after they have been left for a moment.
    expect(server.requests.length).toBeLessThanOrEqual(TIMES);
  });
});
