import { http1Attack } from "../clients/hostile-http1.ts";
import { http2Attack } from "../clients/hostile-http2.ts";
import { MARKER } from "../clients/hostile-text.ts";
import { countRefusals } from "../clients/http2-frames.ts";
import { runAttack } from "../clients/raw-connection.ts";
import type { Protocol } from "../clients/request.ts";
import type { Random } from "../harness/random.ts";
import { Violation } from "../harness/wait.ts";

/** How much of what a hostile client receives is searched, in bytes. */
const SEARCHED = 64 << 10;

/** A line of an event stream that quotes a request. A page of a framework may quote it. */
const QUOTE = new RegExp(`^(?:event|id|retry|data|):.*${MARKER}`, "m");

/** Attacks a server once. Returns how many of its answers were refusals. */
export async function attackServer(protocol: Protocol, port: number, random: Random): Promise<number> {
  const attack = protocol === "h2c" ? http2Attack(random) : http1Attack(random);
  let text = "";
  const received = (chunk: Buffer): void => {
    if (text.length < SEARCHED) text += chunk.toString("latin1");
  };
  await runAttack(port, { ...attack, received }, random);
  if (QUOTE.test(text)) throw new Violation(`A stream quotes its request: ${QUOTE.exec(text)?.[0]}`);
  const busy = text.split('"reason":"busy"').length - 1;
  return busy + (protocol === "h2c" ? countRefusals(Buffer.from(text, "latin1")) : countStatuses(text));
}

function countStatuses(text: string): number {
  return text.split("HTTP/1.1 ").filter((answer) => /^[45]\d\d /.test(answer)).length;
}
