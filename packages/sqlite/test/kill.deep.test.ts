import { connect } from "@holdfast/client";
import { EventSource } from "eventsource";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { createFile } from "./support/file.ts";
import { startServer } from "./support/server-process.ts";

const KILLS = Number(process.env["HOLDFAST_KILLS"] ?? 15);
/** At most so many events reach the clients between two kills. */
const EVENTS = 400;
const WAIT = 60_000;

interface Received {
  readonly numbers: number[];
  readonly ids: Set<string>;
  /** Control events by name. */
  readonly control: string[];
  cursor: string;
}

const createReceived = (): Received => ({ numbers: [], ids: new Set(), control: [], cursor: "" });

function record(received: Received, id: string, data: string): void {
  received.numbers.push(Number(data));
  received.ids.add(id);
  received.cursor = id;
}

test(`clients of a process that is killed ${KILLS} times get every event once`, async () => {
  const file = createFile();
  onTestFinished(() => file.remove());
  let server = await startServer(file.path);
  onTestFinished(() => server.kill());
  const url = `http://127.0.0.1:${server.port}/job`;

  const [native, resilient] = [createReceived(), createReceived()];
  const source = new EventSource(url);
  onTestFinished(() => source.close());
  source.onmessage = ({ lastEventId, data }) => record(native, lastEventId, data as string);
  for (const name of ["stream.reset", "stream.end"]) {
    source.addEventListener(name, ({ lastEventId }) => {
      native.control.push(name);
      native.cursor = lastEventId;
    });
  }
  const connection = connect(url, {
    giveUpAfter: Infinity,
    backoff: { base: 50, cap: 500 },
    onReset: ({ reason }) => void resilient.control.push(reason),
  });
  const isOver = (async () => {
    for await (const { id, data } of connection) record(resilient, id, data as string);
  })();

  for (let kill = 0; kill < KILLS; kill++) {
    const before = [native.numbers.length, resilient.numbers.length];
    // Some of them while the clients are not back yet, or the job is not.
    const wanted = kill % 5 === 4 ? 0 : 1 + Math.floor(Math.random() * EVENTS);
    await eventually(async () => {
      expect(native.numbers.length).toBeGreaterThanOrEqual((before[0] as number) + wanted);
      expect(resilient.numbers.length).toBeGreaterThanOrEqual((before[1] as number) + wanted);
    }, WAIT);
    await server.kill();
    server = await startServer(file.path, server.port);
  }

  await fetch(url, { method: "POST" });
  await isOver;
  await eventually(async () => expect(source.readyState).toBe(EventSource.CLOSED), WAIT);
  for (const { numbers, ids, control } of [native, resilient]) {
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1));
    expect(ids.size).toBe(numbers.length);
    expect(control.filter((name) => name !== "stream.end")).toEqual([]);
  }
  expect(native.control).toEqual(["stream.end"]);
  expect(native.numbers.length).toBe(resilient.numbers.length);

  // The stream has ended in the file, too.
  await server.kill();
  server = await startServer(file.path, server.port);
  const { status } = await fetch(url, { headers: { "last-event-id": native.cursor } });
  expect(status).toBe(204);
  const late = await fetch(url, { headers: { "last-event-id": resilient.cursor } });
  expect(await late.text()).toMatch(/^event: stream\.end\n/m);
}, 3_600_000);
