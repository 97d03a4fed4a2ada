import { type Exchange, type FakeServer } from "./fake-server.ts";
import { control, event } from "./follow.ts";

const LIFE = "k3v9x0q2ma";

/** The id of an event of the streams here. */
export const idOf = (seq: number): string => `${LIFE}.${seq}`;

/** What a request asks for: each member with its cursor. */
export interface MemberRequest {
  readonly name: string;
  readonly members: ReadonlyMap<string, string>;
}

/** Reads a request as PROTOCOL.md says, section 18.1. */
export function readMemberRequest({ init, url }: Exchange): MemberRequest {
  const query = new URL(url).searchParams;
  const parameters = init.method === "POST" ? (init.body as URLSearchParams) : query;
  const members = new Map<string, string>();
  for (const value of parameters.getAll("on")) {
    const at = value.lastIndexOf("@");
    members.set(at < 0 ? value : value.slice(0, at), at < 0 ? "" : value.slice(at + 1));
  }
  return { name: parameters.get("mux") ?? "", members };
}

/** `stream.member`, before blocks of this member. */
export const member = (name: string, answer: object = {}): string =>
  control("member", { member: name, ...answer });

interface Log {
  /** The number of the first event that is held. */
  first: number;
  readonly events: string[];
  isEnded: boolean;
}

/** One connection: the response that is under way, and the members in it. */
interface Line {
  readonly exchange: Exchange;
  readonly served: Set<string>;
  current: string | undefined;
}

/** A hand-written server that multiplexes: streams in memory, over a fake `fetch`. */
export class MemberServer {
  readonly logs = new Map<string, Log>();
  readonly requests: MemberRequest[] = [];
  /** What the members get instead of a stream. */
  readonly answers = new Map<string, object>();
  /** What members do that are no logs: they send what a test wants. */
  readonly scripts = new Map<string, (cursor: string, send: (block: string) => void) => void>();
  /** By the name of the connection. */
  readonly #lines = new Map<string, Line>();

  constructor(server: FakeServer) {
    server.onRequest = (exchange) => this.#serve(exchange);
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#open().length;
  }

  open(name: string): void {
    this.logs.set(name, { first: 1, events: [], isEnded: false });
  }

  push(name: string, ...events: string[]): void {
    const log = this.#log(name);
    for (const data of events) {
      log.events.push(data);
      for (const line of this.#open()) send(line, name, event(data, idOf(log.events.length)));
    }
  }

  end(name: string): void {
    this.#log(name).isEnded = true;
    for (const line of this.#open()) this.#sendEnd(line, name);
  }

  /** Forgets the events below this number. */
  trim(name: string, first: number): void {
    const log = this.#log(name);
    log.first = Math.max(log.first, Math.min(first, log.events.length + 1));
  }

  /** Drains one member. */
  drain(name: string): void {
    const block = control("drain", { reason: "waiting", member: name });
    for (const { exchange, served } of this.#open()) {
      if (served.delete(name)) exchange.send(block.replace("data:", "retry: 1000\ndata:"));
    }
  }

  /** Drains the connections. */
  drainAll(): void {
    for (const { exchange } of this.#open()) exchange.send(control("drain", { reason: "shutdown" }));
  }

  cut(): void {
    for (const { exchange } of this.#open()) exchange.cut();
  }

  #open(): Line[] {
    return [...this.#lines.values()].filter(({ exchange }) => !exchange.isOver);
  }

  #log(name: string): Log {
    const log = this.logs.get(name);
    if (log === undefined) throw new Error(`There is no member ${name}.`);
    return log;
  }

  #serve(exchange: Exchange): void {
    const request = readMemberRequest(exchange);
    this.requests.push(request);
    if (this.#lines.get(request.name)?.exchange.isOver === false) throw new Error("Made before break.");
    const line: Line = { exchange, served: new Set(), current: undefined };
    this.#lines.set(request.name, line);
    const isOver = [...request.members].every(([, cursor]) => cursor.endsWith(".end"));
    if (isOver) return exchange.respond(204);
    exchange.open(": \n\n");
    for (const [name, cursor] of request.members) this.#begin(line, name, cursor);
  }

  #begin(line: Line, name: string, cursor: string): void {
    const script = this.scripts.get(name);
    if (script) {
      line.served.add(name);
      return script(cursor, (block) => send(line, name, block));
    }
    const log = this.logs.get(name);
    const answer = this.answers.get(name) ?? (log === undefined ? { status: 404 } : undefined);
    if (answer !== undefined || log === undefined || cursor.endsWith(".end")) {
      line.current = undefined;
      line.exchange.send(member(name, answer ?? { status: 204 }));
      return;
    }
    line.served.add(name);
    const { events, first } = log;
    const seq = Number(cursor.split(".")[1] ?? 0);
    const isTrimmed = seq < first - 1;
    const position = idOf(isTrimmed ? first - 1 : seq);
    const fields = { state: "live", first, last: events.length, heartbeat: 15_000 };
    const open = control("open", fields, isTrimmed ? undefined : position);
    send(line, name, open.replace("data:", "retry: 1000\ndata:"));
    if (isTrimmed) {
      send(line, name, control("reset", { reason: "trimmed", lost: [seq + 1, first - 1] }, position));
    }
    events.forEach((data, index) => {
      if (index + 1 > Math.max(seq, first - 1)) send(line, name, event(data, idOf(index + 1)));
    });
    if (log.isEnded) this.#sendEnd(line, name);
    else send(line, name, control("live", {}));
  }

  #sendEnd(line: Line, name: string): void {
    send(line, name, control("end", { status: "done" }, `${idOf(this.#log(name).events.length + 1)}.end`));
    line.served.delete(name);
  }
}

function send(line: Line, name: string, block: string): void {
  if (line.exchange.isOver || !line.served.has(name)) return;
  if (line.current !== name) line.exchange.send(member(name));
  line.current = name;
  line.exchange.send(block);
}
