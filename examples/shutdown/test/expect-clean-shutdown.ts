import { once } from "node:events";
import { expect } from "vitest";
import { follow, type Received } from "../../common/test/follow.ts";
import { type Command, runServer } from "./run-server.ts";

/**
 * Terminates a server while a client reads a stream. The client must be asked to reconnect, and the process must exit
 * with 0 in time, although two other connections are open.
 */
export async function expectCleanShutdown(command: Command): Promise<void> {
  const { url, exited, terminate, connect } = await runServer(command);
  await connect(); // as browsers do, before they have a request
  const keptAlive = await connect();
  keptAlive.write("GET /no-such-page HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
  await once(keptAlive, "data");

  const received: Received[] = [];
  let retry = 0;
  for await (const event of follow(`${url}/jobs/a`, undefined, (delay) => (retry = delay))) {
    received.push(event);
    if (event.event === "tick" && event.data === 1) terminate();
  }
  expect(received.at(-1)).toMatchObject({ event: "stream.drain", data: { reason: "shutdown" } });
  // 1 to 2 s, and a random part of the `spread` of 5 s.
  expect(retry).toBeGreaterThanOrEqual(1_000);
  expect(retry).toBeLessThanOrEqual(7_000);
  expect(await exited).toBe(0);
}
