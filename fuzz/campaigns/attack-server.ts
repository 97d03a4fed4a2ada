import { http1Attack } from "../clients/hostile-http1.ts";
import { http2Attack } from "../clients/hostile-http2.ts";
import { MARKER } from "../clients/hostile-text.ts";
import { runAttack } from "../clients/raw-connection.ts";
import type { Protocol } from "../clients/request.ts";
import type { Random } from "../harness/random.ts";
import { Violation } from "../harness/wait.ts";

/** How much of what a hostile client receives is searched, in bytes. */
const SEARCHED = 64 << 10;

/** Attacks a server once. Returns how many of its answers were refusals. */
export async function attackServer(protocol: Protocol, port: number, random: Random): Promise<number> {
  const attack = protocol === "h2c" ? http2Attack(random) : http1Attack(random);
  let text = "";
  const received = (chunk: Buffer): void => {
    if (text.length < SEARCHED) text += chunk.toString("latin1");
  };
  await runAttack(port, { ...attack, received }, random);
  const answers = text.split("HTTP/1.1 ");
  // A page of a framework may quote the request, an event stream must not.
  const streams =
    protocol === "h2c" ? [text] : answers.filter((answer) => answer.includes("text/event-stream"));
  const quoting = streams.find((stream) => stream.includes(MARKER));
  if (quoting !== undefined) throw new Violation(`A stream quotes its request: ${quoting.slice(0, 1_000)}`);
  return answers.filter((answer) => /^[45]\d\d |"reason":"busy"/.test(answer)).length;
}
