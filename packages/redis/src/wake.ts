import type { OnWake, StoreWake } from "@holdfast/core";
import type { Report } from "@holdfast/core/internal";
import { createFollower, type Follower } from "./follower.ts";

type FollowerOptions = Parameters<typeof createFollower>[0];

interface WakerOptions extends Pick<FollowerOptions, "port" | "timeout" | "clock" | "random"> {
  readonly channelOf: (id: string) => string;
  readonly report: Report;
}

/** Who wants hints about one id. */
interface Audience {
  readonly id: string;
  readonly members: Set<OnWake>;
}

/** Hints for all who ask one store: they share a connection, from the first id on until the last of them closes. */
export function createWaker(options: WakerOptions): (ids: Iterable<string>, onWake: OnWake) => StoreWake {
  const { channelOf, report } = options;
  const audiences = new Map<string, Audience>();
  const open = new Set<OnWake>();

  function tell(onWake: OnWake, id: string | undefined, why: "changed" | "cancel"): void {
    try {
      onWake(id, why);
    } catch (error) {
      report("failed", { id, stage: "store", error });
    }
  }

  function tellAudience(channel: string, why: "changed" | "cancel"): void {
    const audience = audiences.get(channel);
    if (audience !== undefined) for (const member of audience.members) tell(member, audience.id, why);
  }

  const follower: Follower = createFollower({
    ...options,
    wanted: audiences,
    message: (channel, payload) => tellAudience(channel, payload === "cancel" ? "cancel" : "changed"),
    // What happened before was told to nobody.
    heard(channel) {
      if (channel !== undefined) tellAudience(channel, "changed");
      else for (const onWake of open) tell(onWake, undefined, "changed");
    },
    failed: (error) => report("failed", { id: undefined, stage: "store", error }),
  });

  return (ids, onWake) => {
    const own = new Set<string>();
    // The same function may be given twice.
    const member: OnWake = (id, why) => onWake(id, why);
    let closed = false;

    function add(id: string): void {
      if (closed || own.has(id)) return;
      own.add(id);
      const channel = channelOf(id);
      const audience = audiences.get(channel) ?? { id, members: new Set() };
      audiences.set(channel, audience);
      audience.members.add(member);
      follower.touch(channel);
      follower.start();
    }

    function remove(id: string): void {
      if (!own.delete(id)) return;
      const channel = channelOf(id);
      const audience = audiences.get(channel);
      audience?.members.delete(member);
      if (audience?.members.size !== 0) return;
      audiences.delete(channel);
      follower.touch(channel);
    }

    function close(): void {
      if (closed) return;
      for (const id of own) remove(id);
      closed = true;
      open.delete(member);
      if (open.size === 0) follower.stop();
    }

    open.add(member);
    for (const id of ids) add(id);
    return { add, delete: remove, close };
  };
}
