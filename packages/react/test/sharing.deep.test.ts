import type { ReactNode } from "react";
import { text } from "@holdfast/client";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createFakeServer, type FakeServer } from "../../client/test/support/fake-server.ts";
import { control, event, OPEN, URL_OF_JOB } from "../../client/test/support/follow.ts";
import { churn } from "./support/churn.ts";
import { eventually, type Loaded, loadReact, mount, type Page } from "./support/react.ts";

interface Props {
  readonly reduce: (value: number, message: { readonly data: string }) => number;
}

const sum = (value: number, { data }: { readonly data: string }): number => value + Number(data);
const count = (value: number): number => value + 1;
const ones = (first: number, last: number): string =>
  Array.from({ length: last - first + 1 }, (_, index) => event("1", `k3v9x0q2ma.${first + index}`, "n")).join(
    "",
  );

describe.each(["19", "18"] as const)("React %s", (version) => {
  let loaded: Loaded;
  let server: FakeServer;
  let h: Loaded["react"]["createElement"];
  beforeAll(async () => {
    loaded = await loadReact(version);
    h = loaded.react.createElement;
  });
  beforeEach(() => {
    server = createFakeServer();
  });

  const options = (): object => ({ fetch: server.fetch, clock: server.clock });

  function Reduced({ reduce }: Props): ReactNode {
    return loaded.useStream(URL_OF_JOB, { ...options(), events: { n: text }, reduce, initial: 0 }).value;
  }

  function List(): ReactNode {
    const { messages, lost } = loaded.useStream(URL_OF_JOB, { ...options(), events: { n: text } });
    return `${messages.length} lost ${JSON.stringify(lost)}`;
  }

  const show = (...children: ReactNode[]): ReactNode => h(loaded.react.StrictMode, null, ...children);

  async function requested(times: number): Promise<void> {
    await eventually(() => expect(server.requests).toBe(times));
  }

  async function start(...children: ReactNode[]): Promise<Page> {
    const page = mount(loaded, show(...children));
    await requested(1);
    server.last.open(control("open", OPEN, "k3v9x0q2ma.0"));
    return page;
  }

  test("the list is new for each change, and the same until then", async () => {
    const seen: unknown[] = [];
    function Watch(): ReactNode {
      const result = loaded.useStream(URL_OF_JOB, options());
      if (seen.at(-1) !== result) seen.push(result);
      return String(result.messages.length);
    }
    const page = await start(h(Watch));
    server.last.send(event("a"));
    await eventually(() => expect(page.text).toBe("1"));
    const results = seen.length;
    page.render(show(h(Watch)));
    await server.clock.flush();
    expect(seen).toHaveLength(results);
    server.last.send(event("b"));
    await eventually(() => expect(page.text).toBe("2"));
    expect(seen[results - 1]).toMatchObject({ messages: [{ data: "a" }] });
  });

  test("events that are lost for good are named, and what came before them stays", async () => {
    const page = await start(h(List));
    server.last.send(ones(1, 3));
    await eventually(() => expect(page.text).toBe("3 lost []"));
    server.last.send(control("reset", { reason: "trimmed", lost: [4, 9] }, "k3v9x0q2ma.9") + ones(10, 11));
    await eventually(() => expect(page.text).toBe("5 lost [[4,9]]"));
    server.last.send(control("reset", { reason: "epoch", lost: null }, "k3v9x0q2mb.0"));
    await eventually(() => expect(page.text).toBe("0 lost []"));
  });

  test("of a long stream a component that comes later gets the value of one that reduces it likewise", async () => {
    const first = h(Reduced, { key: 1, reduce: sum });
    const page = await start(first);
    server.last.send(ones(1, 3_000));
    await eventually(() => expect(page.text).toBe("3000"));
    page.render(show(first, " ", h(Reduced, { key: 2, reduce: sum })));
    server.last.send(ones(3_001, 3_001));
    await eventually(() => expect(page.text).toBe("3001 3001"));
    expect(server.requests).toBe(1);
  });

  test("of a long stream one that reduces it differently gets a connection of its own, from the start", async () => {
    const first = h(Reduced, { key: 1, reduce: sum });
    const page = await start(first);
    server.last.send(ones(1, 3_000));
    await eventually(() => expect(page.text).toBe("3000"));
    page.render(show(first, " ", h(Reduced, { key: 2, reduce: count })));
    await requested(2);
    expect(server.last.header("last-event-id")).toBeNull();
    server.last.open(control("open", OPEN, "k3v9x0q2ma.0") + ones(1, 3_000));
    await eventually(() => expect(page.text).toBe("3000 3000"));
    expect(loaded.streams.size).toBe(2);
  });

  test("while a component shows the list, all of it is kept for those that come later", async () => {
    const list = h(List, { key: 1 });
    const page = await start(list);
    server.last.send(ones(1, 3_000));
    await eventually(() => expect(page.text).toBe("3000 lost []"));
    page.render(show(list, " ", h(Reduced, { key: 2, reduce: count })));
    await eventually(() => expect(page.text).toBe("3000 lost [] 3000"));
    expect(server.requests).toBe(1);
  });

  test("a reducer that is written inside of a component does not connect again at each render", async () => {
    function Inline({ label }: { label: string }): ReactNode {
      const { value } = loaded.useStream(URL_OF_JOB, {
        ...options(),
        events: { n: (data) => Number(data) },
        reduce: (total: number, { data }) => total + data,
        initial: 0,
      });
      return `${label}:${value}`;
    }
    const page = await start(h(Inline, { label: "a" }));
    server.last.send(ones(1, 2));
    await eventually(() => expect(page.text).toBe("a:2"));
    page.render(show(h(Inline, { label: "b" })));
    server.last.send(ones(3, 3));
    await eventually(() => expect(page.text).toBe("b:3"));
    expect(server.requests).toBe(1);
  });

  test("without an id to go on from, reconnect() starts over", async () => {
    let controls: { close: () => void; reconnect: () => void } | undefined;
    function Watch(): ReactNode {
      const stream = loaded.useStream(URL_OF_JOB, options());
      controls = stream;
      return `${stream.state.status}:${stream.messages.map(({ data }) => data).join("")}`;
    }
    const page = mount(loaded, show(h(Watch)));
    await requested(1);
    server.last.open(event("a"));
    await eventually(() => expect(page.text).toBe("open:a"));
    controls?.close();
    await eventually(() => expect(page.text).toBe("closed:a"));
    controls?.reconnect();
    await requested(2);
    server.last.open(event("a") + event("b"));
    await eventually(() => expect(page.text).toBe("open:ab"));
  });

  test("after 100 mounts and changes of the URL nothing is left", () => churn(loaded, 100));
});
