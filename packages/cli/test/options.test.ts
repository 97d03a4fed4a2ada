import { expect, test } from "vitest";
import { readCommand } from "../src/options.ts";

const URL_ = "http://127.0.0.1/feed";

test("a command line without options has the defaults", () => {
  expect(readCommand(["tail", URL_])).toEqual({
    name: "tail",
    options: {
      url: URL_,
      headers: new Headers(),
      lastEventId: "",
      method: "GET",
      data: undefined,
      retries: Infinity,
      giveUpAfter: undefined,
      reconnects: true,
      cutEvery: undefined,
      allowHoles: false,
      json: false,
    },
  });
});

test("all options are read, times in seconds", () => {
  const args = [
    "-H",
    "Authorization: Bearer a:b",
    "--header",
    "x: 1",
    "--last-event-id",
    "7",
    "--data",
    "{}",
  ];
  const more = ["--retries", "3", "--give-up-after", "60", "--cut-every", "0.5", "--allow-holes", "--json"];
  const command = readCommand(["tail", URL_, ...args, ...more]);
  expect(command).toMatchObject({
    options: {
      lastEventId: "7",
      method: "POST",
      data: "{}",
      retries: 3,
      giveUpAfter: 60_000,
      cutEvery: 500,
      allowHoles: true,
      json: true,
    },
  });
  expect(command.name === "tail" && Object.fromEntries(command.options.headers)).toEqual({
    authorization: "Bearer a:b",
    x: "1",
  });
});

test.for([["--help"], ["-h"], ["tail", "--help"], ["tail", URL_, "-h"]])("%s is help", (args) => {
  expect(readCommand(args)).toEqual({ name: "help" });
});

test.for([
  [[], "A command is missing."],
  [["watch", URL_], `There is no command "watch"`],
  [["tail"], "The URL is missing."],
  [["tail", URL_, "more"], `Expected one URL, got also "more".`],
  [["tail", "localhost:3000/feed"], "http:// or https://"],
  [["tail", "/feed"], "http:// or https://"],
  [["tail", "file:///etc/passwd"], "http:// or https://"],
  [["tail", "http://ann:secret@127.0.0.1/"], "-H 'authorization: ...'"],
  [["tail", URL_, "--colour"], "--colour"],
  [["tail", URL_, "-H", "no colon"], `"name: value", got "no colon"`],
  [["tail", URL_, "-H", "a b: c"], `"name: value"`],
  [["tail", URL_, "-H", "a: b\nc"], `"name: value"`],
  [["tail", URL_, "--method", "PUT"], "GET or POST"],
  [["tail", URL_, "--method", "GET", "--data", "x"], "A GET has no --data."],
  [["tail", URL_, "--retries", "many"], "--retries is a whole number"],
  [["tail", URL_, "--retries=-1"], "--retries is a whole number"],
  [["tail", URL_, "--give-up-after", "0"], "--give-up-after is a number of seconds above 0"],
  [["tail", URL_, "--cut-every", "Infinity"], "--cut-every is a number of seconds above 0"],
  [["tail", URL_, "--cut-every", "1", "--no-reconnect"], "contradict"],
] as const)("%o is wrong: %s", ([args, message]) => {
  expect(() => readCommand(args)).toThrow(message);
});
