// Covers src/agent, with the real client of AG-UI, a server as in the README, and a network that can be cut.

import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Run, startRun } from "./support/run.ts";
import { failed, QUESTION, say, started, TALE } from "./support/script.ts";

// The client of AG-UI logs each run that fails.
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue());
afterEach(() => void vi.restoreAllMocks());

/** What a page has that nothing has disturbed. */
async function undisturbed() {
  const run = startRun(TALE);
  const page = run.openPage([QUESTION]);
  const result = page.runAgent();
  await run.step(TALE.length);
  await run.settle(result);
  return { messages: page.messages, state: page.state as unknown };
}

async function askFor(events: number, run: Run) {
  const page = run.openPage([QUESTION]);
  const result = page.runAgent();
  result.catch(() => undefined);
  await run.step(events);
  return { page, result };
}

test("a run is read, and its messages are kept", async () => {
  const { messages, state } = await undisturbed();
  expect(messages.map(({ role, content }) => [role, content])).toEqual([
    ["user", "Tell me a tale."],
    ["assistant", "Once upon a time"],
    ["assistant", undefined],
    ["tool", "found"],
    ["assistant", "The end."],
  ]);
  expect(state).toEqual({ step1: 1, step2: 2 });
});

test("a connection that is cut anywhere, again and again, is not noticed", async () => {
  const expected = await undisturbed();
  const run = startRun(TALE);
  const { page, result } = await askFor(0, run);
  for (let index = 0; index < TALE.length; index++) {
    await run.step();
    run.network.cut([undefined, 0, 0.5, 1][index % 4]);
    await run.clock.advance(10_000);
  }
  await run.settle(result);
  expect({ messages: page.messages, state: page.state as unknown }).toEqual(expected);
  expect(run.inputs).toHaveLength(1);
});

test("after a reload, at any event, `connectAgent` gets the whole run", async () => {
  const expected = await undisturbed();
  for (let index = 1; index < TALE.length; index++) {
    const run = startRun(TALE);
    await askFor(index, run);
    const page = run.openPage([QUESTION]);
    const result = page.connectAgent();
    await run.step(TALE.length - index);
    await run.settle(result);
    expect({ messages: page.messages, state: page.state as unknown }).toEqual(expected);
    expect(run.inputs).toHaveLength(1);
  }
});

test("in any order of cuts, reloads, second tabs and pages that leave, every page ends with the whole run", async () => {
  const expected = await undisturbed();
  const disturbance = fc.constantFrom(
    "cut",
    "cut part",
    "reload",
    "leave",
    "second tab",
    "nothing",
    "nothing",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(disturbance, { minLength: TALE.length, maxLength: TALE.length }),
      async (all) => {
        const run = startRun(TALE);
        const first = await askFor(1, run);
        const pages = [{ page: first.page, result: first.result as Promise<unknown> }];
        for (const one of all.slice(1)) {
          const last = pages.at(-1) as (typeof pages)[0];
          if (one === "cut") run.network.cut();
          if (one === "cut part") run.network.cut(0.5);
          if (one === "leave") {
            await run.settle(last.page.detachActiveRun());
            last.result = last.page.connectAgent();
          }
          if (one === "reload" || one === "second tab") {
            const page = run.openPage([QUESTION]);
            if (one === "reload") await run.settle((pages.pop() as (typeof pages)[0]).page.detachActiveRun());
            pages.push({ page, result: page.connectAgent() });
          }
          await run.step();
        }
        for (const { page, result } of pages) {
          await run.settle(result);
          expect({ messages: page.messages, state: page.state as unknown }).toEqual(expected);
        }
        expect(run.inputs).toHaveLength(1);
      },
    ),
    { numRuns: Number(process.env["HOLDFAST_RUNS"] ?? 30) },
  );
});

describe("what is not whole is an error", () => {
  test("a run whose agent fails", async () => {
    const run = startRun([started, ...say("tale", "Once"), new Error("The model is gone.")]);
    const { result } = await askFor(5, run);
    await expect(run.settle(result)).rejects.toThrow();
  });

  test("a run that breaks off", async () => {
    const run = startRun([started, ...say("tale", "Once")]);
    const { result } = await askFor(5, run);
    await expect(run.settle(result)).rejects.toThrow("The run ended before it was complete.");
  });

  test("a run that somebody else stops", async () => {
    const run = startRun(TALE);
    const { result } = await askFor(5, run);
    void run.registry.cancel("thread");
    await expect(run.settle(result)).rejects.toMatchObject({ name: "ConnectionError", reason: "cancelled" });
  });

  test("a run that the page has a part of, and the server has lost", async () => {
    const run = startRun(TALE);
    const { page } = await askFor(5, run);
    await run.settle(page.detachActiveRun());
    run.network.redirect(() => new Response(null, { status: 204 }));
    await expect(run.settle(page.connectAgent())).rejects.toThrow("The answer is not there any more.");
  });
});

test("a run that reports its own error is whole, and read with it", async () => {
  const run = startRun([started, ...say("tale", "Once"), failed]);
  const page = run.openPage([QUESTION]);
  const errors: unknown[] = [];
  const result = page.runAgent({}, { onRunErrorEvent: ({ event }) => void errors.push(event) });
  await run.step(5);
  await run.settle(result);
  expect(errors).toMatchObject([{ message: "The model is busy.", code: "BUSY" }]);
  expect((await run.registry.find("thread"))?.status).toBe("done");
});

// An abort of its own is no error for AG-UI.
test("`abortRun` stops reading, and not the run", async () => {
  const run = startRun(TALE);
  const { page, result } = await askFor(5, run);
  page.abortRun();
  await run.settle(result);
  expect((await run.registry.find("thread"))?.status).toBe("live");
  const resumed = page.connectAgent();
  await run.step(TALE.length);
  await run.settle(resumed);
  expect(page.messages.at(-1)).toMatchObject({ content: "The end." });
});

test("`stop` stops the run", async () => {
  const run = startRun(TALE);
  const { page, result } = await askFor(5, run);
  await run.settle(page.stop());
  await run.settle(result);
  expect((await run.registry.find("thread"))?.status).toBe("cancelled");
  run.network.redirect(() => new Response(null, { status: 403 }));
  await expect(page.stop()).rejects.toThrow("The server has refused to stop it: 403.");
});

test("where nothing runs, `connectAgent` has nothing to read", async () => {
  const run = startRun(TALE);
  const page = run.openPage([QUESTION]);
  await expect(run.settle(page.connectAgent())).resolves.toMatchObject({ newMessages: [] });
  const { page: other, result } = await askFor(TALE.length, run);
  await run.settle(result);
  const { length } = other.messages;
  await run.settle(other.connectAgent());
  expect(other.messages).toHaveLength(length);
});

describe("an agent that has a part of a run", () => {
  /** An agent that has left after the first word, while the run goes on to its end. */
  async function leave() {
    const run = startRun(TALE);
    const { page } = await askFor(5, run);
    await run.settle(page.detachActiveRun());
    await run.step(TALE.length);
    return { run, page };
  }

  test("keeps it apart from another thread", async () => {
    const { run, page } = await leave();
    page.threadId = "other";
    page.setMessages([QUESTION]);
    await run.settle(page.connectAgent());
    expect(page.messages).toEqual([QUESTION]);
  });

  test("has the run once, also after it was refused another one", async () => {
    const expected = await undisturbed();
    const { run, page } = await leave();
    const handle = run.network.redirect(() => new Response("It is running.", { status: 409 }));
    await expect(run.settle(page.runAgent())).rejects.toThrow();
    run.network.redirect(handle);
    await run.settle(page.connectAgent());
    expect({ messages: page.messages, state: page.state as unknown }).toEqual(expected);
  });

  test("has it once after a request that has got nothing", async () => {
    const expected = await undisturbed();
    const { run, page } = await leave();
    const handle = run.network.redirect(() => new Response(null, { status: 403 }));
    await expect(run.settle(page.connectAgent())).rejects.toThrow();
    run.network.redirect(handle);
    await run.settle(page.connectAgent());
    expect({ messages: page.messages, state: page.state as unknown }).toEqual(expected);
  });

  test("keeps what the page has added since", async () => {
    const { run, page } = await leave();
    page.addMessage({ id: "note", role: "user", content: "And then?" });
    await run.settle(page.connectAgent());
    expect(page.messages.map(({ id }) => id)).toEqual([
      "question",
      "note",
      "tale",
      "of-t1",
      "result-t1",
      "end",
    ]);
  });

  test("gives it to its copies", async () => {
    const expected = await undisturbed();
    const { run, page } = await leave();
    const copy = page.clone();
    await run.settle(copy.connectAgent());
    expect({ messages: copy.messages, state: copy.state as unknown }).toEqual(expected);
  });

  test("may have open interrupts", async () => {
    const { run, page } = await leave();
    const interrupts = [{ id: "i1", reason: "confirm" }];
    page.pendingInterrupts = interrupts;
    run.network.redirect(() => new Response(null, { status: 403 }));
    await expect(run.settle(page.connectAgent())).rejects.toMatchObject({ name: "ConnectionError" });
    expect(page.pendingInterrupts).toEqual(interrupts);
  });
});

test("`connectAgent` during a run reads it anew", async () => {
  const expected = await undisturbed();
  const run = startRun(TALE);
  const { page, result } = await askFor(5, run);
  const connected = page.connectAgent();
  await run.step(TALE.length);
  await run.settle(Promise.all([result, connected]));
  expect({ messages: page.messages, state: page.state as unknown }).toEqual(expected);
});

test("a stop that fails stops nothing, and a shutdown is an error", async () => {
  const run = startRun(TALE);
  const { page, result } = await askFor(5, run);
  run.network.dropNext();
  await expect(run.settle(page.stop())).rejects.toThrow("fetch failed");
  void run.registry.cancel("thread");
  await expect(run.settle(result)).rejects.toMatchObject({ reason: "cancelled" });
});

test("a copy of an agent reads on its own", async () => {
  const run = startRun(TALE);
  const { page, result } = await askFor(3, run);
  const copy = page.clone();
  copy.setMessages([QUESTION]);
  copy.setState({});
  const resumed = copy.connectAgent();
  await run.step(TALE.length);
  await run.settle(Promise.all([result, resumed]));
  expect(copy.messages).toEqual(page.messages);
});
