/**
 * `npm run bench:heap`: the live heap of a server for each idle connection, over that of `res.write`. Bytes after a garbage
 * collection hardly depend on how busy the machine is, so one short run is enough.
 */
import { parseArgs } from "node:util";
import { Session } from "./harness/session.ts";
import { REFERENCE } from "./peers/index.ts";

const PEERS = [REFERENCE, "@holdfast/node-http", "@holdfast/hono"];
/** Clients before the first reading, so that compiled code and the growth of shared tables count for nobody. */
const WARM_UP = 1_000;

const { values } = parseArgs({ options: { clients: { type: "string", default: "4000" } } });
const clients = Number(values.clients);

async function heapPerConnection(peer: string): Promise<number> {
  await using session = await Session.open(peer);
  const target = session.target("/idle");
  await session.load.connect(target, WARM_UP);
  const before = await session.server.usage(true);
  await session.load.connect(target, clients);
  const after = await session.server.usage(true);
  return (after.heap - before.heap) / clients;
}

const reference = await heapPerConnection(REFERENCE);
console.log(`${clients.toLocaleString("en")} idle connections, bytes of heap and external memory for each:`);
for (const peer of PEERS) {
  const bytes = peer === REFERENCE ? reference : await heapPerConnection(peer);
  console.log(
    `${peer.padEnd(20)} ${bytes.toFixed(0).padStart(7)}  +${(bytes - reference).toFixed(0).padStart(6)}`,
  );
}
