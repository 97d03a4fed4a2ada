import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { createRegistry, sse } from "@holdfast/hono";
import { Window } from "happy-dom";
import { Hono } from "hono";
import type { ComponentType } from "react";
import type { Readable } from "svelte/store";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { effectScope, nextTick, type Ref, ref } from "vue";
import { connectPagesTo, eventually, load } from "../support/load.ts";

const window = new Window({ url: "http://service.test/" });
// React looks for a page when it is loaded.
Object.assign(globalThis, { window, document: window.document });
const { createElement, StrictMode } = await import("react");
const { createRoot } = await import("react-dom/client");

const jobs = createRegistry<{ token: string; log: string; progress: { done: number; total: number } }>({
  retryWindow: 60_000,
  observer: { failed: () => undefined },
});
let requests: string[] = [];
const app = new Hono();
app.post("/answers", async (c) => {
  const job = await jobs.open(crypto.randomUUID());
  job.push({ event: "token", data: "Once " });
  return c.json({ id: job.id }, 201);
});
app.get("/:kind/:id", (c) => {
  requests.push(c.req.path);
  return sse(c, jobs.stream(c.req.param("id")));
});

beforeEach(() => {
  requests = [];
  connectPagesTo((request) => app.request(request));
});

/** Renders a component, as a strict page does. */
function render<Props extends object>(component: ComponentType<Props>, props: Props): HTMLElement {
  const container = document.createElement("div");
  document.body.append(container);
  const root = createRoot(container);
  root.render(createElement(StrictMode, null, createElement(component, props)));
  onTestFinished(() => root.unmount());
  return container;
}

const idOfLast = (): string => requests.at(-1)?.split("/").pop() ?? "";

describe("the components", () => {
  test("an answer is asked for by a click, and shown as it is written", async () => {
    const { Ask } = await load<{ Ask: ComponentType }>("react", "ask.tsx");
    const page = render(Ask, {});
    await eventually(() => expect(page.textContent).toBe("Ask"));
    page.querySelector("button")?.click();
    await eventually(() => expect(page.textContent).toBe("AskOnce Writing."));
    expect(requests).toHaveLength(1);
    const id = idOfLast();
    await jobs.open(id, { ifExists: "append" }).then((job) => job.fail(new Error("killed")));
    await eventually(() => expect(page.textContent).toBe("AskOnce Waiting for the next part."));
    const again = await jobs.open(id, { ifExists: "append" });
    again.push({ event: "token", data: "upon" });
    await again.end();
    await eventually(() => expect(page.textContent).toBe("AskOnce uponComplete."));
  });

  test("an answer that was stopped is not complete", async () => {
    const { Ask } = await load<{ Ask: ComponentType }>("react", "ask.tsx");
    const page = render(Ask, {});
    await eventually(() => expect(page.textContent).toBe("Ask"));
    page.querySelector("button")?.click();
    await eventually(() => expect(page.textContent).toBe("AskOnce Writing."));
    await jobs.cancel(idOfLast());
    await eventually(() => expect(page.textContent).toBe("AskOnce Not complete. Try again"));
  });

  test("a list shows the events with their types", async () => {
    const { Steps } = await load<{ Steps: ComponentType<{ job: string }> }>("react", "steps.tsx");
    const job = await jobs.open("steps");
    job.push({ event: "log", data: "Begun" });
    job.push({ event: "progress", data: { done: 1, total: 4 } });
    const page = render(Steps, { job: "steps" });
    await eventually(() => expect(page.innerHTML).toBe("<ol><li>Begun</li><li>1 of 4</li></ol>"));
  });
});

/** What a recipe shows. */
interface Shown {
  readonly answer: string;
  /** Whether the answer is complete. */
  readonly isDone: boolean;
  readonly hasFailed: boolean;
}

interface Followed {
  readonly shown: () => Shown;
  readonly leave: () => void;
}

/** What the recipes for Vue and Svelte give. */
type Answer = { text: string; status: string };
type Composable = { useAnswer: (id: Ref<string>) => Ref<Answer> };

const shownOf = ({ text, status }: Answer): Shown => ({
  answer: text,
  isDone: status === "done",
  hasFailed: status === "failed",
});

const recipes: Readonly<Record<string, (id: string) => Promise<Followed>>> = {
  async "TanStack Query"(id) {
    type Query = { answerQuery: (id: string) => ConstructorParameters<typeof QueryObserver<string>>[1] };
    const { answerQuery } = await load<Query>("react", "answer-query.ts");
    const observer = new QueryObserver<string>(new QueryClient(), answerQuery(id));
    const leave = observer.subscribe(() => undefined);
    return {
      leave,
      shown() {
        const { data = "", error, fetchStatus } = observer.getCurrentResult();
        return { answer: data, isDone: fetchStatus === "idle" && error === null, hasFailed: error !== null };
      },
    };
  },
  async Vue(id) {
    const { useAnswer } = await load<Composable>("react", "use-answer.ts");
    const scope = effectScope();
    const answer = scope.run(() => useAnswer(ref(id))) as Ref<Answer>;
    return { leave: () => scope.stop(), shown: () => shownOf(answer.value) };
  },
  async Svelte(id) {
    type Store = { answerOf: (id: string) => Readable<Answer> };
    const { answerOf } = await load<Store>("react", "answer.ts");
    let last: Answer = { text: "", status: "" };
    const leave = answerOf(id).subscribe((value) => (last = value));
    return { leave, shown: () => shownOf(last) };
  },
};

describe.each(Object.entries(recipes))("the recipe for %s", (name, follow) => {
  const start = async (): Promise<{ id: string } & Followed> => {
    const id = `${name}-${crypto.randomUUID()}`.replace(" ", "-");
    const job = await jobs.open(id);
    job.push({ event: "token", data: "Once " });
    const followed = await follow(id);
    onTestFinished(followed.leave);
    await eventually(() => expect(followed.shown()).toMatchObject({ answer: "Once ", isDone: false }));
    return { id, ...followed };
  };
  const open = (id: string, ifExists: "append" | "replace"): ReturnType<typeof jobs.open> =>
    jobs.open(id, { ifExists });

  test("shows an answer, and when it is complete", async () => {
    const { id, shown } = await start();
    const job = await open(id, "append");
    job.push({ event: "token", data: "upon" });
    await job.end();
    await eventually(() => expect(shown()).toEqual({ answer: "Once upon", isDone: true, hasFailed: false }));
    expect(requests).toHaveLength(1);
  });

  test("shows only the new answer when it starts over", async () => {
    const { id, shown } = await start();
    const job = await open(id, "replace");
    job.push({ event: "token", data: "Twice" });
    await job.end();
    await eventually(() => expect(shown()).toEqual({ answer: "Twice", isDone: true, hasFailed: false }));
  });

  test("an answer that was stopped has failed", async () => {
    const { id, shown } = await start();
    await jobs.cancel(id);
    await eventually(() => expect(shown()).toEqual({ answer: "Once ", isDone: false, hasFailed: true }));
  });

  test("leaves the stream with its last reader", async () => {
    const { id, leave } = await start();
    expect(jobs.get(id)?.readers).toBe(1);
    leave();
    await eventually(() => expect(jobs.get(id)?.readers).toBe(0));
  });
});

test("the composable follows another answer when its id changes", async () => {
  const { useAnswer } = await load<Composable>("react", "use-answer.ts");
  for (const id of ["one", "two"]) (await jobs.open(id)).push({ event: "token", data: `of ${id}` });
  const id = ref("one");
  const scope = effectScope();
  onTestFinished(() => scope.stop());
  const answer = scope.run(() => useAnswer(id)) as Ref<Answer>;
  await eventually(() => expect(answer.value.text).toBe("of one"));
  id.value = "two";
  await nextTick();
  await eventually(() => expect(answer.value.text).toBe("of two"));
  await eventually(() => expect(jobs.get("one")?.readers).toBe(0));
});
