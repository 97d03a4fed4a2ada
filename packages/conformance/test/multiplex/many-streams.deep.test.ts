import { createServer } from "node:http";
import { listen } from "@holdfast/conformance";
import { createRegistry, type StreamWriter } from "@holdfast/core";
import { multiplex } from "@holdfast/core/multiplex";
import { sse } from "@holdfast/node-http";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { framesOf } from "../../src/wire/frames.ts";
import { sendHttp1 } from "../../src/wire/http1.ts";
import { seededRandom } from "../support/seeded-random.ts";

const STREAMS = 100;
const CHANGES = 1_000;
const MUX = "Zk3v9x0q2maZk3v9x0q2ma";

/** What the client has of one member. */
interface Progress {
  cursor: string | undefined;
  next: number;
}

/** A client of many members that is cut, and asks anew with its cursors. It fails at any gap or double. */
class ManyMembers {
  readonly members = new Map<string, Progress>();
  events = 0;
  /** Connections that were cut while blocks of some member were incomplete or on their way. */
  cuts = 0;
  readonly #port: number;
  #client: ReturnType<typeof sendHttp1> | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Breaks the connection off, and asks again for all members. */
  reconnect(): void {
    if (this.#client?.state === "open" && this.#client.status === 200) this.cuts++;
    this.finish();
    const form = new URLSearchParams({ mux: MUX });
    for (const [name, { cursor = "" }] of this.members) form.append("on", `${name}@${cursor}`);
    this.#client = sendHttp1(this.#port, {
      method: "POST",
      path: "/live",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: form.toString(),
    });
  }

  /** Whether some bytes of the response have arrived, and how many. */
  get received(): number {
    return this.#client?.text.length ?? 0;
  }

  finish(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.disconnect();
    this.#take(client?.text ?? "");
  }

  /** How far each member would be if the connection broke now. */
  isLevel(last: (name: string) => number): boolean {
    const text = this.#client?.text ?? "";
    const reached = new Map(this.members);
    for (const [name, seq] of idsOf(text)) reached.set(name, { cursor: undefined, next: seq + 1 });
    return [...reached].every(([name, { next }]) => next === last(name) + 1);
  }

  #take(text: string): void {
    let current: Progress | undefined;
    for (const { event, id, data } of framesOf(text)) {
      if (event === "stream.member") {
        const { member, status } = JSON.parse(data as string) as { member: string; status?: number };
        expect(status).toBeUndefined();
        current = this.members.get(member);
      } else if (current !== undefined) {
        expect(["stream.open", "stream.live", undefined]).toContain(event);
        if (event === undefined && data !== undefined) {
          this.events++;
          expect(Number(data)).toBe(current.next++);
          expect(id?.split(".")[1]).toBe(data);
        }
        current.cursor = id ?? current.cursor;
      }
    }
  }
}

function* idsOf(text: string): Generator<[name: string, seq: number]> {
  let name = "";
  for (const { event, id, data } of framesOf(text)) {
    if (event === "stream.member") name = (JSON.parse(data as string) as { member: string }).member;
    else if (id !== undefined) yield [name, Number(id.split(".")[1])];
  }
}

test(`${STREAMS} streams on one connection: ${CHANGES} cuts, adds and leaves lose and double nothing`, async () => {
  const random = seededRandom();
  const registry = createRegistry();
  const server = createServer((req, res) => {
    void sse(
      req,
      res,
      multiplex((member) => registry.stream(member)),
    ).catch(() => res.destroy());
  });
  const { port, close } = await listen(server);
  const writers = new Map<string, StreamWriter<Record<string, unknown>>>();
  for (let index = 0; index < STREAMS; index++)
    writers.set(`jobs/${index}`, await registry.open(`jobs/${index}`));
  const names = [...writers.keys()];
  const pushed = new Map(names.map((name) => [name, 0]));
  const push = (): void => {
    for (let count = 0; count < 5; count++) {
      const name = names[Math.floor(random() * STREAMS)] as string;
      const next = (pushed.get(name) ?? 0) + 1;
      pushed.set(name, next);
      writers.get(name)?.push({ data: next });
    }
  };
  const client = new ManyMembers(port);
  onTestFinished(async () => {
    client.finish();
    await registry.close({ deadline: 0 });
    await close();
  });
  for (const name of names) client.members.set(name, { cursor: undefined, next: 1 });
  client.reconnect();
  let left = 0;
  for (let change = 0; change < CHANGES; change++) {
    push();
    const kind = random();
    // Most cuts come while bytes are on their way; some before the response.
    if (kind < 0.9) await eventually(() => expect(client.received).toBeGreaterThan(0));
    push();
    const name = names[Math.floor(random() * STREAMS)] as string;
    client.reconnect();
    if (kind < 0.15 && client.members.size > 1) {
      // It is asked for again later, from the beginning.
      left++;
      client.members.delete(name);
    } else if (kind < 0.3 && !client.members.has(name)) {
      client.members.set(name, { cursor: undefined, next: 1 });
    }
  }
  client.reconnect();
  await eventually(() => expect(client.isLevel((name) => pushed.get(name) ?? 0)).toBe(true));
  await eventually(() => expect(registry.gauges().connections).toBe(1));
  client.finish();
  for (const [name, { next }] of client.members)
    expect([name, next]).toEqual([name, (pushed.get(name) ?? 0) + 1]);
  expect(client.cuts).toBeGreaterThan(CHANGES / 2);
  expect(left).toBeGreaterThan(CHANGES / 20);
  expect(client.events).toBeGreaterThan(CHANGES);
  await eventually(() => expect(registry.gauges().connections).toBe(0));
  for (const name of names) expect(registry.get(name)?.readers).toBe(0);
});
