import { onTestFinished } from "vitest";
import {
  connect,
  type Connection,
  type ConnectionState,
  type ConnectOptions,
  type TextMessage,
} from "../../src/index.ts";
import type { FakeServer } from "./fake-server.ts";

export const URL_OF_JOB = "http://server.test/jobs/42";

/** A connection that is iterated over, and what was seen of it. */
export interface Followed<M = TextMessage> {
  readonly connection: Connection<M>;
  readonly messages: M[];
  readonly states: ConnectionState[];
  /** How the iteration ended: `true`, or the error that it threw. */
  readonly ended: unknown;
  /** Iterates again, after a failure. */
  resume(): void;
}

/** Connects to a fake server, with its clock, until the test is finished. The first request has been made. */
export async function follow(
  server: FakeServer,
  options: ConnectOptions & { readonly events?: never } = {},
): Promise<Followed> {
  const followed = collect(connect(URL_OF_JOB, optionsOf(server, options)));
  await server.clock.flush();
  return followed;
}

export function optionsOf<Options extends ConnectOptions>(server: FakeServer, options: Options): Options {
  return { fetch: server.fetch, clock: server.clock, random: () => 0.5, ...options };
}

/** Iterates over a connection, and collects its messages and states. */
export function collect<M>(connection: Connection<M>): Followed<M> {
  const states: ConnectionState[] = [];
  const messages: M[] = [];
  const followed = {
    connection,
    messages,
    states,
    ended: undefined as unknown,
    resume: () => void iterate(),
  };
  async function iterate(): Promise<void> {
    try {
      for await (const message of connection) messages.push(message);
      followed.ended = true;
    } catch (error) {
      followed.ended = error;
    }
  }
  connection.subscribe((state) => states.push(state));
  onTestFinished(() => connection.close());
  followed.resume();
  return followed;
}

/** The text of an event. */
export function event(data: string, id?: string, name?: string): string {
  const lines = [name && `event: ${name}`, id !== undefined && `id: ${id}`, `data: ${data}`];
  return `${lines.filter(Boolean).join("\n")}\n\n`;
}

/** The text of a control event. */
export function control(name: string, data: unknown, id?: string): string {
  return event(JSON.stringify(data), id, `stream.${name}`);
}

export const OPEN = { state: "live", first: 1, last: 0, heartbeat: 15_000 };
