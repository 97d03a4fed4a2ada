import type { Random } from "../harness/random.ts";
import { blocksOf, endOf, type Fatal, type Fault, liesOf, type Script } from "./script.ts";

/** The bytes of one response, and what happens behind them. */
export interface HostileResponse {
  readonly bytes: Buffer;
  /** `endless`: the last byte goes on and on. */
  readonly ending: "end" | "reset" | "hang" | "endless";
}

/** Values that a client must not obey. With the fast clock of the readers a long wait is short. */
const RETRY_AFTER = [
  "99999999999",
  "-1",
  "1e9",
  "soon",
  "",
  "0",
  "Thu, 01 Jan 1970 00:00:00 GMT",
  "Fri, 31 Dec 9999 23:59:59 GMT",
];

/** The response to a request behind event `from`. `path` is where a redirect leads. */
export function respondTo(script: Script, from: number, path: string): HostileResponse {
  const { random, faults, fatal, isLiar, events, isHoldfast } = script;
  if (isLiar) return stream(random, liesOf(script), random.pick(["end", "reset", "hang"]));
  const fault = faults.shift();
  if (fault !== undefined) return faultyResponse(script, fault, from, path);
  if (fatal !== undefined) return fatalResponse(fatal, path);
  // A client of a plain server learns by this that it is over.
  if (from > events) return { bytes: head("204 No Content", []), ending: "end" };
  const body = blocksOf(script, from) + endOf(script);
  return stream(random, decorated(random, body), isHoldfast && random.chance(0.2) ? "hang" : "end");
}

function faultyResponse(script: Script, fault: Fault, from: number, path: string): HostileResponse {
  const { random, events, isHoldfast } = script;
  const until = random.int(from, events);
  const part = (end = ""): Buffer => decorated(random, blocksOf(script, from, until) + end);
  switch (fault) {
    case "cut":
    case "reset":
    case "hang": {
      const { bytes } = stream(random, part(endOf({ ...script, events: until })), "end");
      // Anywhere before the last block.
      const at = random.int(0, bytes.length - 120);
      return { bytes: bytes.subarray(0, Math.max(0, at)), ending: fault === "cut" ? "end" : fault };
    }
    case "wrong chunk":
      return {
        bytes: Buffer.concat([stream(random, part(), "end").bytes.subarray(0, -5), Buffer.from("zz\r\n")]),
        ending: "hang",
      };
    case "early end":
      return stream(random, part(), "end");
    case "drain":
      return stream(
        random,
        part(isHoldfast ? 'event: stream.drain\nretry: 1\ndata: {"reason":"shutdown"}\n\n' : ""),
        "end",
      );
    case "unavailable": {
      const status = random.pick([
        "503 Service Unavailable",
        "429 Too Many Requests",
        "500 Internal Server Error",
        "408 Request Timeout",
      ]);
      return {
        bytes: head(status, [`retry-after: ${random.pick(RETRY_AFTER)}`, "content-length: 0"]),
        ending: "end",
      };
    }
    case "redirect loop":
      return { bytes: redirect(path), ending: "end" };
    case "garbage":
      return { bytes: random.bytes(random.int(1, 500)), ending: random.pick(["end", "reset"]) };
  }
}

function fatalResponse(fatal: Fatal, path: string): HostileResponse {
  switch (fatal) {
    case "content type":
      return {
        bytes: Buffer.concat([head("200 OK", ["content-type: text/html"]), Buffer.from("data: x\n\n")]),
        ending: "end",
      };
    case "not found":
      return { bytes: head("404 Not Found", [`x-path: ${path}`, "content-length: 0"]), ending: "end" };
    case "unauthorized":
      return { bytes: head("401 Unauthorized", ["content-length: 0"]), ending: "end" };
    case "endless line":
      return {
        bytes: Buffer.concat([head("200 OK", ["content-type: text/event-stream"]), Buffer.from("data: a")]),
        ending: "endless",
      };
    case "no content":
      return { bytes: head("204 No Content", []), ending: "end" };
  }
}

export function redirect(location: string): Buffer {
  return head("302 Found", [`location: ${location}`, "content-length: 0"]);
}

function head(status: string, lines: readonly string[]): Buffer {
  return Buffer.from([`HTTP/1.1 ${status}`, ...lines, "connection: close", "\r\n"].join("\r\n"));
}

/** A whole response in chunks of any size. */
function stream(random: Random, body: Buffer, ending: HostileResponse["ending"]): HostileResponse {
  const contentType = random.pick([
    "text/event-stream",
    "text/event-stream; charset=utf-8",
    "Text/Event-Stream;x=y",
  ]);
  const parts = [head("200 OK", [`content-type: ${contentType}`, "transfer-encoding: chunked"])];
  for (let at = 0; at < body.length;) {
    const chunk = body.subarray(at, at + random.int(1, 3_000));
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n"));
    at += chunk.length;
  }
  return { bytes: Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]), ending };
}

/** The same events with other line ends, a byte order mark, and bytes in comments that are not UTF-8. */
function decorated(random: Random, text: string): Buffer {
  const lines = text.replaceAll("\n", random.pick(["\n", "\n", "\r\n", "\r"]));
  const start = random.chance(0.2) ? "\ufeff" : "";
  const comment = random.chance(0.3)
    ? Buffer.from([0x3a, 0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0x0a])
    : Buffer.alloc(0);
  return Buffer.concat([Buffer.from(start), comment, Buffer.from(lines)]);
}
