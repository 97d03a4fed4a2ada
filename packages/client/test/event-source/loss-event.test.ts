import { expect, test } from "vitest";
import { LossEvent } from "../../src/event-source/loss-event.ts";
import { ConnectionError } from "../../src/retry/connection-error.ts";

test("before a retry it has the reason and the message of the state, and the cause and the HTTP status of the loss", () => {
  const cause = new TypeError("terminated");
  const event = new LossEvent({
    status: "retrying",
    attempt: 2,
    delay: 500,
    isAsked: false,
    reason: "network",
    message: "The network failed.",
    cause,
    loss: { reason: "network", message: "The network failed.", status: 101, cause },
  });
  expect(event).toBeInstanceOf(Event);
  expect(event).toMatchObject({
    type: "error",
    reason: "network",
    message: "The network failed.",
    status: 101,
    cause,
    error: undefined,
  });
});

test("after a failure it has the reason and the message of the error", () => {
  const error = new ConnectionError("refused", "The server answered 404", { status: 404 });
  expect(new LossEvent({ status: "closed", reason: "failed", error })).toMatchObject({
    reason: "refused",
    message: "The server answered 404",
    status: 404,
    error,
  });
});

test("after an error of the application its reason is `failed`", () => {
  const error = new Error("A bug in the application.");
  expect(new LossEvent({ status: "closed", reason: "failed", error })).toMatchObject({
    reason: "failed",
    message: "A bug in the application.",
    error,
  });
});

test("after the end of the stream it has no message", () => {
  expect(new LossEvent({ status: "closed", reason: "done" })).toMatchObject({
    reason: "done",
    message: "",
    status: undefined,
    cause: undefined,
  });
});
