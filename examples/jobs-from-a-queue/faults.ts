import { client } from "./reports.ts";

const CHANNEL = "reports:faults";

export const FAULTS = ["kill", "fail"] as const;
export type Fault = (typeof FAULTS)[number];

/** Causes a fault in the worker that writes a report. */
export async function causeFault(id: string, fault: Fault): Promise<void> {
  await client.publish(CHANNEL, JSON.stringify({ id, fault }));
}

interface FaultWatch extends Disposable {
  /** Throws if the model is to fail. */
  throwIfAny(): void;
}

/** The reports that this process writes, and whether the model is to fail. */
const watched = new Map<string, { hasFailed: boolean }>();

/** Listens for the faults of a report while it is written in this process. */
export function watchFaults(id: string): FaultWatch {
  const state = { hasFailed: false };
  watched.set(id, state);
  return {
    throwIfAny() {
      if (state.hasFailed) throw new Error("The model is overloaded.");
    },
    [Symbol.dispose]() {
      if (watched.get(id) === state) watched.delete(id);
    },
  };
}

/** Called once in a worker. */
export async function listenForFaults(): Promise<void> {
  const subscriber = client.duplicate();
  subscriber.on("error", () => undefined); // The other client logs the same error.
  subscriber.on("message", (_channel, message) => {
    const { id, fault } = JSON.parse(message) as { id: string; fault: Fault };
    const state = watched.get(id);
    if (state === undefined) return;
    if (fault === "kill") process.kill(process.pid, "SIGKILL");
    state.hasFailed = true;
  });
  await subscriber.subscribe(CHANNEL);
}
