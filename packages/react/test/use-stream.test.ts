import type { ReactNode } from "react";
import { json, text } from "@holdfast/client";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { eventually, type Loaded, loadReact, mount } from "./support/react.ts";
import { startStreamServer } from "./support/stream-server.ts";

const events = { token: text, progress: json<{ done: number }>() };

const token = (data: string): { event: string; data: string } => ({ event: "token", data });

describe.each(["19", "18"] as const)("React %s", (version) => {
  let loaded: Loaded;
  let h: Loaded["react"]["createElement"];
  beforeAll(async () => {
    loaded = await loadReact(version);
    h = loaded.react.createElement;
    expect(loaded.react.version.split(".")[0]).toBe(version);
  });

  /** Shows the answer, and the status of its connection. */
  function Answer({ url }: { url: string | null }): ReactNode {
    const { value, state } = loaded.useStream(url, {
      events: { token: text },
      reduce: (answer: string, { data }) => answer + data,
      initial: "",
    });
    return `${state.status}:${value}`;
  }

  /** Shows the data of all messages. */
  function List({ url }: { url: string }): ReactNode {
    const { messages, state } = loaded.useStream(url, { events });
    const shown = messages.map(({ event, data }) => (event === "progress" ? data.done : data));
    return `${state.status}:${shown.join(",")}`;
  }

  const strict = (...children: ReactNode[]): ReactNode => h(loaded.react.StrictMode, null, ...children);

  test("under StrictMode there is one request, and every event is shown", async () => {
    const { jobs, requests, url } = await startStreamServer();
    const job = await jobs.open("1");
    job.push(token("Once "));
    const page = mount(loaded, strict(h(Answer, { url: url("1") })));
    await eventually(() => expect(page.text).toBe("live:Once "));
    job.push(token("upon "));
    job.push(token("a time"));
    await eventually(() => expect(page.text).toBe("live:Once upon a time"));
    await job.end();
    await eventually(() => expect(page.text).toBe("closed:Once upon a time"));
    expect(requests).toEqual(["1"]);
  });

  test("without `reduce` it is the list of messages, with the data that `events` decodes", async () => {
    const { jobs, url } = await startStreamServer();
    const job = await jobs.open("1");
    job.push(token("a"));
    job.push({ event: "progress", data: { done: 7 } });
    const page = mount(loaded, strict(h(List, { url: url("1") })));
    await eventually(() => expect(page.text).toBe("live:a,7"));
  });

  test("components with the same URL share a connection, and one that comes later sees everything", async () => {
    const { jobs, requests, url } = await startStreamServer();
    const job = await jobs.open("1");
    job.push(token("a"));
    const first = h(Answer, { key: "first", url: url("1") });
    const page = mount(loaded, strict(first));
    await eventually(() => expect(page.text).toBe("live:a"));
    job.push(token("b"));
    page.render(strict(first, "|", h(Answer, { key: "second", url: url("1") })));
    await eventually(() => expect(page.text).toBe("live:ab|live:ab"));
    // The first one may leave: the connection stays.
    page.render(strict(h(Answer, { key: "second", url: url("1") })));
    job.push(token("c"));
    await eventually(() => expect(page.text).toBe("live:abc"));
    expect(requests).toEqual(["1"]);
  });

  test("components that make something else of the same events share it, too", async () => {
    const { jobs, requests, url } = await startStreamServer();
    const job = await jobs.open("1");
    job.push(token("a"));
    function Count(): ReactNode {
      const { value } = loaded.useStream(url("1"), {
        events: { token: text },
        reduce: (count: number) => count + 1,
        initial: 0,
      });
      return String(value);
    }
    const answer = h(Answer, { key: "answer", url: url("1") });
    const page = mount(loaded, strict(answer));
    await eventually(() => expect(page.text).toBe("live:a"));
    job.push(token("b"));
    page.render(strict(answer, h(Count, { key: "count" })));
    await eventually(() => expect(page.text).toBe("live:ab2"));
    expect(requests).toEqual(["1"]);
  });

  test("`key` and the names in `events` keep connections apart", async () => {
    const { jobs, requests, url } = await startStreamServer();
    (await jobs.open("1")).push(token("a"));
    function Keyed({ id }: { id: string }): ReactNode {
      return loaded.useStream(url("1"), { key: id, events }).messages.map(({ id: at }) => at.split(".")[1]);
    }
    const page = mount(
      loaded,
      strict(
        h(Keyed, { key: 1, id: "ada" }),
        h(Keyed, { key: 2, id: "bob" }),
        h(Keyed, { key: 3, id: "ada" }),
        h(Answer, { key: 4, url: url("1") }),
      ),
    );
    await eventually(() => expect(page.text).toBe("111live:a"));
    expect(requests).toEqual(["1", "1", "1"]);
  });

  test("when the URL changes, the old stream is left, and its events are never shown as those of the new one", async () => {
    const server = await startStreamServer();
    const { jobs, requests, url } = server;
    (await jobs.open("1")).push(token("old"));
    (await jobs.open("2")).push(token("new"));
    const seen: string[] = [];
    function Seen({ id }: { id: string }): ReactNode {
      const shown = Answer({ url: url(id) });
      seen.push(`${id}:${shown as string}`);
      return shown;
    }
    const page = mount(loaded, strict(h(Seen, { id: "1" })));
    await eventually(() => expect(page.text).toBe("live:old"));
    page.render(strict(h(Seen, { id: "2" })));
    await eventually(() => expect(page.text).toBe("live:new"));
    expect(seen.filter((line) => /^2.*old|^1.*new/.test(line))).toEqual([]);
    expect(requests).toEqual(["1", "2"]);
    await eventually(() => expect(server.open).toBe(1));
    page.unmount();
    await eventually(() => expect(server.open).toBe(0));
    expect(loaded.streams.size).toBe(0);
  });

  test("without a URL it is idle", async () => {
    const { jobs, requests, url } = await startStreamServer();
    (await jobs.open("1")).push(token("a"));
    const page = mount(loaded, strict(h(Answer, { url: null })));
    await eventually(() => expect(page.text).toBe("idle:"));
    expect(loaded.streams.size).toBe(0);
    page.render(strict(h(Answer, { url: url("1") })));
    await eventually(() => expect(page.text).toBe("live:a"));
    page.render(strict(h(Answer, { url: "" })));
    await eventually(() => expect(page.text).toBe("idle:"));
    expect(requests).toEqual(["1"]);
  });

  test("on a server it shows the first state and opens nothing, and the page takes over from there", async () => {
    const { jobs, requests, url } = await startStreamServer();
    (await jobs.open("1")).push(token("a"));
    const element = strict(h(Answer, { url: url("1") }));
    const html = loaded.server.renderToString(element);
    expect(html).toBe("connecting:");
    expect(loaded.streams.size).toBe(0);
    const container = document.createElement("div");
    container.innerHTML = html;
    const errors = vi.spyOn(console, "error");
    const root = loaded.client.hydrateRoot(container, element, { onRecoverableError: console.error });
    onTestFinished(async () => {
      root.unmount();
      await eventually(() => expect(loaded.streams.size).toBe(0));
    });
    await eventually(() => expect(container.textContent).toBe("live:a"));
    expect(errors).not.toHaveBeenCalled();
    expect(requests).toEqual(["1"]);
  });

  if (version === "19")
    test("in a hidden <Activity> it is closed, and begins anew when it is shown", async () => {
      const server = await startStreamServer();
      const { jobs, requests, url } = server;
      (await jobs.open("1")).push(token("a"));
      const seen: string[] = [];
      function Seen(): ReactNode {
        seen.push(Answer({ url: url("1") }) as string);
        return seen.at(-1);
      }
      const activity = (mode: "hidden" | "visible"): ReactNode =>
        strict(h(loaded.react.Activity, { mode, children: h(Seen) }));
      const page = mount(loaded, activity("visible"));
      await eventually(() => expect(page.text).toBe("live:a"));
      page.render(activity("hidden"));
      await eventually(() => expect(server.open).toBe(0));
      seen.length = 0;
      page.render(activity("visible"));
      await eventually(() => expect(requests).toEqual(["1", "1"]));
      await eventually(() => expect(page.text).toBe("live:a"));
    });

  test("an interrupted stream is waiting, not at its end", async () => {
    const { jobs, url } = await startStreamServer();
    const job = await jobs.open("1");
    job.push(token("half"));
    const page = mount(loaded, strict(h(Answer, { url: url("1") })));
    await eventually(() => expect(page.text).toBe("live:half"));
    await job.fail(new Error("the machine is gone"), { retryWithin: 60_000 });
    await eventually(() => expect(page.text).toBe("waiting:half"));
    const again = await jobs.open("1", { ifExists: "append" });
    again.push(token(" and half"));
    await again.end();
    await eventually(() => expect(page.text).toBe("closed:half and half"));
  });

  test("a stream that is written anew begins again from `initial`", async () => {
    const { jobs, requests, url } = await startStreamServer();
    (await jobs.open("1")).push(token("first"));
    const page = mount(
      loaded,
      strict(h(Answer, { key: 1, url: url("1") }), "|", h(List, { key: 2, url: url("1") })),
    );
    await eventually(() => expect(page.text).toBe("live:first|live:first"));
    (await jobs.open("1", { ifExists: "replace" })).push(token("second"));
    await eventually(() => expect(page.text).toBe("live:second|live:second"));
    expect(requests).toEqual(["1", "1"]);
  });

  test("a failure is in `error`, and reconnect() tries again", async () => {
    const { jobs, requests, url } = await startStreamServer();
    let reconnect: (() => void) | undefined;
    function Failing({ id }: { id: string }): ReactNode {
      const stream = loaded.useStream(url(id), { events });
      ({ reconnect } = stream);
      const { reason } = (stream.error ?? {}) as { reason?: string };
      return `${stream.state.status}:${reason}:${stream.messages.length}`;
    }
    const page = mount(loaded, strict(h(Failing, { id: "missing" })));
    await eventually(() => expect(page.text).toBe("closed:refused:0"));
    reconnect?.();
    await eventually(() => expect(requests).toEqual(["missing", "missing"]));
    await eventually(() => expect(page.text).toBe("closed:refused:0"));

    const job = await jobs.open("1");
    job.push(token("half"));
    page.render(strict(h(Failing, { id: "1" })));
    await eventually(() => expect(page.text).toBe("live:undefined:1"));
    await jobs.cancel("1");
    await eventually(() => expect(page.text).toBe("closed:cancelled:1"));
  });

  test("close() keeps what there is, and reconnect() goes on behind it", async () => {
    const server = await startStreamServer();
    const { jobs, requests, url } = server;
    const job = await jobs.open("1");
    job.push(token("a"));
    let controls: { close: () => void; reconnect: () => void } | undefined;
    function Controlled(): ReactNode {
      const stream = loaded.useStream(url("1"), { events });
      controls = stream;
      const { state } = stream;
      const status = state.status === "closed" ? state.reason : state.status;
      return `${status}:${stream.messages.map((message) => message.event === "token" && message.data).join("")}`;
    }
    const page = mount(loaded, strict(h(Controlled)));
    await eventually(() => expect(page.text).toBe("live:a"));
    controls?.close();
    await eventually(() => expect(page.text).toBe("closed:a"));
    await eventually(() => expect(server.open).toBe(0));
    job.push(token("b"));
    controls?.reconnect();
    await eventually(() => expect(page.text).toBe("live:ab"));
    expect(requests).toEqual(["1", "1 after 1"]);
    // While it is connected, it connects again at once, with the cursor.
    controls?.reconnect();
    await eventually(() => expect(requests).toEqual(["1", "1 after 1", "1 after 2"]));
    await job.end();
    await eventually(() => expect(page.text).toBe("done:ab"));
    controls?.reconnect();
    controls?.close();
    expect(page.text).toBe("done:ab");
    expect(requests).toHaveLength(3);
  });

  describe("an error boundary", () => {
    /** Shows the error of its children. */
    function boundary(children: ReactNode): ReactNode {
      class Boundary extends loaded.react.Component<{ children: ReactNode }, { error?: Error }> {
        override state: { error?: Error } = {};
        static getDerivedStateFromError = (error: Error): { error: Error } => ({ error });
        override render(): ReactNode {
          return this.state.error ? `error: ${this.state.error.message}` : this.props.children;
        }
      }
      return h(Boundary, null, children);
    }

    test("gets what `reduce` throws, and the connection is closed", async () => {
      const server = await startStreamServer();
      const { jobs, url } = server;
      (await jobs.open("1")).push(token("a"));
      function Broken(): ReactNode {
        return loaded.useStream(url("1"), {
          events: { token: text },
          reduce: (): string => {
            throw new Error("a bug");
          },
          initial: "",
        }).value;
      }
      const page = mount(loaded, boundary(h(Broken)), () => undefined);
      await eventually(() => expect(page.text).toBe("error: a bug"));
      await eventually(() => expect(server.open).toBe(0));
      expect(loaded.streams.size).toBe(0);
    });

    test("gets what is said of an invalid URL", async () => {
      const page = mount(loaded, boundary(h(Answer, { url: "http://" })), () => undefined);
      await eventually(() => expect(page.text).toMatch(/^error: .*URL/));
      expect(loaded.streams.size).toBe(0);
    });
  });
});
