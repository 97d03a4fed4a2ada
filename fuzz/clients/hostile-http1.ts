import type { Random } from "../harness/random.ts";
import { hostileCursor, hostilePath, MARKER } from "./hostile-text.ts";
import type { Attack } from "./raw-connection.ts";

/** Requests of HTTP/1.1: correct, wrong, pipelined or garbage, with hostile ids and headers. */
export function http1Attack(random: Random): Pick<Attack, "parts"> {
  const requests = random.chance(0.15) ? random.int(2, 30) : 1;
  const pipelined = Array.from({ length: requests }, () => message(random));
  // The second part is a request on a connection whose response is under way.
  return { parts: [Buffer.concat(pipelined), ...(random.chance(0.2) ? [message(random)] : [])] };
}

function message(random: Random): Buffer {
  const kind = random.next();
  if (kind < 0.08) return random.bytes(random.int(1, 600));
  if (kind < 0.25) return wrongRequest(random);
  return correctRequest(random);
}

function correctRequest(random: Random): Buffer {
  const method = random.pick(["GET", "GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "DELETE"]);
  const lines = [`${method} ${hostilePath(random)} HTTP/1.1`, "host: 127.0.0.1"];
  if (random.chance(0.4)) lines.push(`last-event-id: ${hostileCursor(random)}`);
  if (random.chance(0.1)) lines.push("connection: close");
  if (random.chance(0.1)) lines.push(`accept: ${MARKER}`, `x-${"a".repeat(random.int(1, 3_000))}: 1`);
  if (random.chance(0.1)) lines.push(`cookie: ${MARKER}=${"c".repeat(random.int(1, 20_000))}`);
  if (random.chance(0.05)) lines.push("expect: 100-continue");
  if (random.chance(0.05)) lines.push("upgrade: websocket", "connection: upgrade");
  const body = method === "POST" ? random.bytes(random.int(0, 3_000)) : Buffer.alloc(0);
  if (method === "POST") lines.push(`content-length: ${body.length + random.pick([0, 0, 10])}`);
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]);
}

function wrongRequest(random: Random): Buffer {
  const path = hostilePath(random);
  const head = random.pick([
    `GET ${path} HTTP/1.0\r\n\r\n`,
    `GET ${path} HTTP/9.9\r\nhost: a\r\n\r\n`,
    `GET ${path}\r\n\r\n`,
    `G\u0000T ${path} HTTP/1.1\r\n\r\n`,
    `GET ${path} HTTP/1.1\nhost: a\n\n`,
    `GET ${path} HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n`,
    `GET ${path} HTTP/1.1\r\n: a\r\n\r\n`,
    `GET ${path} HTTP/1.1\r\nhost: a\r\nlast-event-id: a\r\nlast-event-id: b\r\n\r\n`,
    `GET http://[::1/${path} HTTP/1.1\r\nhost: a\r\n\r\n`,
    `GET * HTTP/1.1\r\nhost: a\r\n\r\n`,
    `CONNECT 127.0.0.1:1 HTTP/1.1\r\nhost: a\r\n\r\n`,
    `POST ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
    `POST ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n`,
    `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999\r\n\r\n{`,
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  ]);
  return Buffer.from(head, "latin1");
}
