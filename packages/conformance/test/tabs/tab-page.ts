// What runs in each tab of these tests, and in their workers: reads members, and notes what is missing or doubled.

import type { Connection, TextMessage } from "@holdfast/client";
import { multiplex, type SharedMultiplex } from "@holdfast/client/tabs";

/** What the server pushes. */
export interface Pushed {
  /** Whose it is. */
  readonly owner: string;
  /** Its number in the channel. */
  readonly n: number;
  /** When it was pushed, in ms. */
  readonly at: number;
}

export interface TabOptions {
  readonly url: string;
  readonly shareAs: string;
  readonly user: string;
  readonly members: readonly string[];
}

export interface TabReport {
  readonly role: SharedMultiplex["role"];
  /** Of the first member. */
  readonly state: string | undefined;
  /** What was missing, doubled or of somebody else, and how connections have ended. */
  readonly errors: readonly string[];
  /** The number of the last event of each member; 0 for none. */
  readonly last: readonly number[];
  /** The longest time that an event took since the last call of `mark`, in ms. */
  readonly latency: number;
}

export interface TestTab {
  report(): TabReport;
  mark(): void;
}

export function startTab({ members, shareAs, url, user }: TabOptions): TestTab {
  const live = multiplex(url, { shareAs, headers: { authorization: `Bearer ${user}` } });
  const errors: string[] = [];
  const last = members.map(() => 0);
  let latency = 0;

  async function read(index: number, connection: Connection<TextMessage>): Promise<void> {
    const name = members[index];
    for await (const { data } of connection) {
      const { at, n, owner } = JSON.parse(data) as Pushed;
      if (owner !== user) errors.push(`an event of ${owner}`);
      const before = last[index] as number;
      if (before > 0 && n !== before + 1) errors.push(`${name}: ${n} after ${before}`);
      last[index] = n;
      latency = Math.max(latency, Date.now() - at);
    }
    errors.push(`${name}: ended`);
  }

  const connections = members.map((member, index) => {
    const onReset = ({ reason }: { readonly reason: string }): void =>
      void errors.push(`${member}: ${reason}`);
    const connection = live.connect(member, { onReset });
    read(index, connection).catch((error: unknown) => errors.push(`${member}: ${String(error)}`));
    return connection;
  });
  return {
    report: () => ({ role: live.role, state: connections[0]?.state.status, errors, last, latency }),
    mark() {
      latency = 0;
    },
  };
}

/** In a worker: the first message has the options, and each other one asks for a report. */
export function serve(port: {
  onmessage: ((event: { readonly data: TabOptions | "report" }) => void) | null;
  postMessage: (report: TabReport) => void;
}): void {
  let tab: TestTab | undefined;
  port.onmessage = ({ data }) => {
    if (data !== "report") tab = startTab(data);
    else if (tab) port.postMessage(tab.report());
  };
}
