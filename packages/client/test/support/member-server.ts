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

/** A hand-written server that multiplexes: streams in memory, whose names are "0", "1" and so on, over a fake `fetch`. */
export class MemberServer {
  readonly logs = new Map<string, Log>();
  readonly requests: MemberRequest[] = [];
  /** What the members get instead of a stream. */
  readonly answers = new Map<string, object>();
  #exchange: Exchange | undefined;
  /** The members of the response that is under way. */
  readonly #served = new Set<string>();
  #current: string | undefined;

  constructor(server: FakeServer) {
    server.onRequest = (exchange) => this.#serve(exchange);
  }

  open(name: string): void {
    this.logs.set(name, { first: 1, events: [], isEnded: false });
  }

  push(name: string, ...events: string[]): void {
    const log = this.#log(name);
    for (const data of events) {
      log.events.push(data);
      this.#send(name, event(data, idOf(log.events.length)));
    }
  }

  end(name: string): void {
    this.#log(name).isEnded = true;
    this.#sendEnd(name);
  }

  /** Forgets the events below this number. */
  trim(name: string, first: number): void {
    const log = this.#log(name);
    log.first = Math.max(log.first, Math.min(first, log.events.length + 1));
  }

  /** Drains one member. */
  drain(name: string): void {
    if (!this.#served.delete(name) || this.#exchange?.isOver !== false) return;
    const block = control("drain", { reason: "waiting", member: name });
    this.#exchange.send(block.replace("data:", "retry: 1000\ndata:"));
  }

  /** Drains the connection. */
  drainAll(): void {
    if (this.#exchange?.isOver === false) this.#exchange.send(control("drain", { reason: "shutdown" }));
  }

  cut(): void {
    this.#exchange?.cut();
  }

  #log(name: string): Log {
    const log = this.logs.get(name);
    if (log === undefined) throw new Error(`There is no member ${name}.`);
    return log;
  }

  #serve(exchange: Exchange): void {
    const request = readMemberRequest(exchange);
    this.requests.push(request);
    // The request takes the place of one with the same name.
    if (this.#exchange?.isOver === false) throw new Error("Made before break.");
    this.#exchange = exchange;
    this.#served.clear();
    this.#current = undefined;
    const over = [...request.members].every(([, cursor]) => cursor.endsWith(".end"));
    if (over) return exchange.respond(204);
    exchange.open(": \n\n");
    for (const [name, cursor] of request.members) this.#begin(name, cursor);
  }

  #begin(name: string, cursor: string): void {
    const log = this.logs.get(name);
    const answer = this.answers.get(name) ?? (log === undefined ? { status: 404 } : undefined);
    if (answer !== undefined || log === undefined || cursor.endsWith(".end")) {
      this.#current = undefined;
      this.#exchange?.send(member(name, answer ?? { status: 204 }));
      return;
    }
    this.#served.add(name);
    const { events, first } = log;
    const seq = Number(cursor.split(".")[1] ?? 0);
    const isTrimmed = seq < first - 1;
    const position = idOf(isTrimmed ? first - 1 : seq);
    const open = { state: "live", first, last: events.length, heartbeat: 15_000 };
    this.#send(
      name,
      control("open", open, isTrimmed ? undefined : position).replace("data:", "retry: 1000\ndata:"),
    );
    if (isTrimmed) {
      this.#send(name, control("reset", { reason: "trimmed", lost: [seq + 1, first - 1] }, position));
    }
    events.forEach((data, index) => {
      if (index + 1 > Math.max(seq, first - 1)) this.#send(name, event(data, idOf(index + 1)));
    });
    if (log.isEnded) this.#sendEnd(name);
    else this.#send(name, control("live", {}));
  }

  #sendEnd(name: string): void {
    this.#send(name, control("end", { status: "done" }, `${idOf(this.#log(name).events.length + 1)}.end`));
    this.#served.delete(name);
  }

  #send(name: string, block: string): void {
    if (this.#exchange?.isOver !== false || !this.#served.has(name)) return;
    if (this.#current !== name) this.#exchange.send(member(name));
    this.#current = name;
    this.#exchange.send(block);
  }
}
