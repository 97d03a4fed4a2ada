import { isDeepStrictEqual } from "node:util";
import { survive, type Survival } from "./survive.ts";

/** How many pages ended how. */
export interface Tally {
  runs: number;
  whole: number;
  failed: number;
  stopped: number;
  late: number;
  cuts: number;
}

/**
 * Runs an answer for each of these seeds.
 *
 * @throws Error with the seed and what has happened, for the first page that has a part of an answer as if it were whole, and
 * for every other promise that is broken
 */
export async function runSurvivals(seeds: readonly number[]): Promise<Tally> {
  const tally: Tally = { runs: 0, whole: 0, failed: 0, stopped: 0, late: 0, cuts: 0 };
  for (const seed of seeds) {
    const survival = await survive(seed).catch((error: unknown) => {
      throw new Error(`Seed ${seed}: ${String(error)}`, { cause: error });
    });
    try {
      check(survival, tally);
    } catch (error) {
      throw new Error(`Seed ${seed}: ${String(error)}\n${describe(survival)}`, { cause: error });
    }
  }
  return tally;
}

function check(survival: Survival, tally: Tally): void {
  const { readers, uncut, modelFails, isStopped, isProducerGone, modelCalls, steps, events } = survival;
  tally.runs++;
  tally.cuts += events.filter((event) => event.startsWith("cut") || event.startsWith("the server")).length;
  assert(modelCalls <= steps, `the model was asked ${modelCalls} times for ${steps} steps`);
  const mayFail = modelFails || isStopped || isProducerGone;
  for (const { name, chat, hasBegun } of readers) {
    const { answer, status } = chat;
    const outcome = chat.outcomes.at(-1);
    if (answer === undefined && status === "ready" && !hasBegun()) {
      // It came when nothing ran any more, and shows what the database has.
      tally.late++;
    } else if (status === "error") {
      assert(mayFail, `${name} has an error: ${String(chat.error)}`);
      assert(outcome === undefined || outcome.isError, `${name}: onFinish said nothing of the error`);
      tally.failed++;
    } else if (outcome?.isAbort === true) {
      assert(isStopped, `${name} was stopped by nobody`);
      tally.stopped++;
    } else {
      assert(status === "ready", `${name} is ${status}`);
      assert(isDeepStrictEqual(plain(answer), plain(uncut)), `${name} has another message`);
      tally.whole++;
    }
    const answers = chat.messages.filter(({ role }) => role === "assistant").length;
    assert(answers <= 1, `${name} has ${answers} answers`);
  }
}

/** Without properties that are undefined, which JSON does not have. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null)) as unknown;
}

function assert(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

function describe({
  events,
  readers,
  uncut,
  modelFails,
  isStopped,
  isProducerGone,
  statuses,
}: Survival): string {
  const shown = readers.map(({ name, chat }) => ({
    name,
    status: chat.status,
    error: String(chat.error),
    outcomes: chat.outcomes,
    answer: chat.answer,
  }));
  return JSON.stringify(
    { events, modelFails, isStopped, isProducerGone, statuses, shown, uncut },
    undefined,
    1,
  );
}
