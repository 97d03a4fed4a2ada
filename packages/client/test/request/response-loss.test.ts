import { expect, test } from "vitest";
import { lossOf } from "../../src/request/response-loss.ts";

const respond = (status: number, headers: Record<string, string> = {}): Response =>
  Object.defineProperty(new Response(null, { headers }), "status", { value: status });

test("an event stream is no loss", () => {
  const headers = { "content-type": "text/event-stream; charset=utf-8" };
  expect(lossOf(respond(200, headers), 0)).toBeUndefined();
});

test.each([
  [200, "text/html", "content-type"],
  [200, "", "network"],
  [200, "text/event-str", "network"],
  [0, "", "network"],
  [204, "", "no-content"],
  [401, "", "unauthorized"],
  [403, "", "unauthorized"],
  [408, "", "unavailable"],
  [425, "", "unavailable"],
  [429, "", "unavailable"],
  [500, "text/event-stream", "unavailable"],
  [503, "", "unavailable"],
  [206, "text/event-stream", "refused"],
  [301, "", "refused"],
  [404, "application/json", "refused"],
])("%i with the type %j is lost as %s", (status, type, reason) => {
  const headers = type === "" ? undefined : { "content-type": type };
  expect(lossOf(respond(status, headers), 0)).toEqual({
    reason,
    message: `The server answered ${status} ${type}`,
    status,
    retryAfter: undefined,
  });
});

test("a loss has the delay of `Retry-After`", () => {
  expect(lossOf(respond(503, { "retry-after": "17" }), 0)).toMatchObject({ retryAfter: 17_000 });
});
