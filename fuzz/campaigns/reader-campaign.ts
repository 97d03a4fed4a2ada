import { Child } from "../harness/child-process.ts";
import { Random } from "../harness/random.ts";
import { inTime, Violation, waitFor } from "../harness/wait.ts";
import { checkFlat, heapGrowth } from "../invariants/flat-heap.ts";
import { HostileServer } from "../upstreams/hostile-server.ts";
import type { Read, ReaderCommands, ReadResult } from "../upstreams/reader-child.ts";
import { createScript, type Fatal, type Script } from "../upstreams/script.ts";
import { emptyResult, type Result } from "./result.ts";
import type { CampaignOptions } from "./server-campaign.ts";

type Api = Read["api"];

const READERS = 48;
/** After this time a reader leaves a response that may hang, in ms. */
const PATIENCE = 500;
/** The most responses that fail before a reader gets the rest. */
const FAULTS = 5;

const CONNECT_OUTCOMES: Readonly<Record<Fatal, string>> = {
  "content type": "content-type",
  "not found": "refused",
  unauthorized: "unauthorized",
  "endless line": "too-large",
  "no content": "done",
};

/** Lets clients read from a hostile server. Throws a `Violation` if a promise is broken. */
export async function runReaderCampaign(
  api: Api,
  { connections, rounds, seed }: CampaignOptions,
): Promise<Result> {
  const result = emptyResult(api === "connect" ? "client connect" : "core readEvents");
  const random = new Random(seed);
  const server = new HostileServer();
  const origin = await server.listen();
  const child = new Child<ReaderCommands>(new URL("../upstreams/reader-child.ts", import.meta.url), {});
  const heap: number[] = [];
  try {
    for (let round = 1; round <= rounds; round++) {
      const reader = async (): Promise<void> => {
        while (server.connections < (connections * round) / rounds)
          await readOnce(api, server, origin, child, random, result);
      };
      await Promise.all(Array.from({ length: READERS }, reader));
      await waitFor(
        () => server.sockets === 0 || undefined,
        () => `the end of ${server.sockets} sockets`,
      );
      heap.push(await child.memory());
      child.check();
    }
    checkFlat(heap);
  } finally {
    await child.stop();
    await server.close();
  }
  const { faults, refused } = server;
  return { ...result, connections: server.connections, faults, refused, growth: heapGrowth(heap) };
}

async function readOnce(
  api: Api,
  server: HostileServer,
  origin: string,
  child: Child<ReaderCommands>,
  campaign: Random,
  result: Result,
): Promise<void> {
  const random = campaign.fork();
  // `readEvents` reads one response.
  const script = createScript(random, random.int(0, api === "connect" ? FAULTS : 1));
  const planned = [...script.faults, script.fatal].join(", ");
  const path = server.add(script);
  const read = {
    url: origin + path,
    api,
    isLiar: script.isLiar,
    patience: script.isLiar || planned !== "" ? PATIENCE : undefined,
  };
  const received = await inTime(child.run("read", read), () => `${api} after ${planned}`);
  server.remove(path);
  result.reads++;
  result.events += received.events;
  if (server.violation !== undefined) throw server.violation;
  const expected = expectedOutcome(api, script, planned);
  if (received.violation === undefined && isAsExpected(received, expected, script.fatal === "no content"))
    return;
  const kind = script.isHoldfast ? "a holdfast server" : "a plain server";
  throw new Violation(`${api} of ${kind} (${planned}; ${script.events} events): ${JSON.stringify(received)}`);
}

/** What the reader must say in the end; `undefined` for anything, `failure` for anything but `done`. */
function expectedOutcome(api: Api, { isLiar, fatal }: Script, planned: string): string | undefined {
  if (isLiar) return undefined;
  if (api === "readEvents") return planned === "" ? "done" : "failure";
  return fatal === undefined ? "done" : CONNECT_OUTCOMES[fatal];
}

function isAsExpected(
  { outcome, isWhole }: ReadResult,
  expected: string | undefined,
  endsEarly: boolean,
): boolean {
  if (expected === undefined) return true;
  if (expected === "failure") return outcome !== "done";
  return outcome === expected && (expected !== "done" || isWhole || endsEarly);
}
