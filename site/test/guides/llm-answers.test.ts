import { expect, test, vi } from "vitest";
import { connectPagesTo, FakeElement, load, type Service } from "../support/load.ts";

type Page = { show: (id: string, output: FakeElement) => Promise<void> };
const { app, texts } = await load<Service & { texts: Map<string, string> }>("llm-answers", "server.ts");
const { show } = await load<Page>("llm-answers", "page.ts");

const chunk = (content: string): string =>
  `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;

/** The service, and the API of the model. */
function start(model: (request: Request) => BodyInit): void {
  connectPagesTo((request) =>
    request.url.includes("api.openai.com")
      ? new Response(model(request), { headers: { "content-type": "text/event-stream" } })
      : app.request(request),
  );
}

const ask = async (): Promise<string> => {
  const response = await fetch("/answers", {
    method: "POST",
    body: JSON.stringify({ prompt: "Tell me a tale." }),
  });
  return (await response.json()).id;
};

test("two pages get the whole answer, for one request to the model", async () => {
  let requests = 0;
  start(() => {
    requests++;
    return `${chunk("Once upon ")}${chunk("a time")}data: [DONE]\n\n`;
  });
  const id = await ask();
  const [page, tab] = [new FakeElement(), new FakeElement()];
  await Promise.all([show(id, page), show(id, tab)]);
  expect([page.textContent, tab.textContent]).toEqual(["Once upon a time", "Once upon a time"]);
  expect(texts.get(id)).toBe("Once upon a time");
  expect(requests).toBe(1);
});

test("half an answer is a failure, and is not saved", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined); // what an observer would get
  start(() => chunk("Once upon "));
  const id = await ask();
  await expect(show(id, new FakeElement())).rejects.toMatchObject({ reason: "failed" });
  expect(texts.has(id)).toBe(false);
});

test("the stop button stops the model", async () => {
  const stopped = Promise.withResolvers<void>();
  start((request) => {
    request.signal.addEventListener("abort", () => stopped.resolve());
    return new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode(chunk("Once"))),
    });
  });
  const id = await ask();
  const shown = show(id, new FakeElement());
  expect(await (await fetch(`/answers/${id}/stop`, { method: "POST" })).json()).toEqual({ stopped: true });
  await expect(shown).rejects.toMatchObject({ reason: "cancelled" });
  await stopped.promise;
});
