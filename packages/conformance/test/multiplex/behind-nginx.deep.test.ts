import { multiplex } from "@holdfast/client";
import { describe, expect, onTestFinished, test } from "vitest";
import { redisBinary, startRedis } from "../../../redis/test/support/redis-server.ts";
import { createFile } from "../../../sqlite/test/support/file.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { nginx } from "../proxies/nginx.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { NginxService } from "./nginx-service.ts";
import { RecordedMember } from "./recorded-member.ts";
import type { StorePlace } from "./shared-store.ts";

/*
 * Scenario: a service of two processes behind nginx, with a store. A client reads many streams on one connection, which is
 * cut on each side of nginx. Covers multiplex of core and of the client, store/ of core, and two stores.
 */

const STREAMS = 100;
/** One stream of so many keeps only its last events: a client that comes back late is told what it has lost. */
const SHORT = 10;
const KEPT = 20;

const stores: Readonly<Record<string, () => Promise<StorePlace>>> = {
  ...(redisBinary !== undefined && {
    async Redis() {
      // Redis drops events by the node: with the default of 100 it would keep more than a short stream has.
      const redis = await startRedis({ args: ["--stream-node-max-entries", "5"] });
      onTestFinished(() => redis.stop());
      return { redisPort: redis.port };
    },
  }),
  async SQLite() {
    const file = createFile();
    onTestFinished(() => file.remove());
    return { path: file.path };
  },
};

describe.skipIf(nginx.program === undefined)(
  "behind nginx, over two processes",
  { timeout: 3_600_000 },
  () => {
    test.each(Object.keys(stores))(
      `${STREAMS} streams in %s: random cuts, joins and leaves lose nothing undeclared`,
      async (name) => {
        const changes = Number(process.env["HOLDFAST_RUNS"] ?? (name === "Redis" ? 100 : 40));
        const random = seededRandom();
        const place = await (stores[name] as () => Promise<StorePlace>)();
        const ids = Array.from({ length: STREAMS }, (_, index) => `jobs/${index}`);
        const shortIds = ids.filter((_, index) => index % SHORT === 0);
        const service = await NginxService.start(
          place,
          ids.map((id) => [id, shortIds.includes(id) ? KEPT : 65_536]),
          KEPT,
        );
        const { relay, servers } = service;
        const pushed = new Map(ids.map((id) => [id, 0]));
        const members = ids.map((id) => new RecordedMember(id));
        const shortMembers = members.filter((member) => shortIds.includes(member.name));
        const live = multiplex(`http://127.0.0.1:${service.port}/live`, {
          backoff: { base: 0, cap: 0 },
          giveUpAfter: Infinity,
        });
        onTestFinished(() => live.close());

        const pick = <Item>(items: readonly Item[]): Item =>
          items[Math.floor(random() * items.length)] as Item;
        const pushSome = (): void => {
          const chosen = [...shortIds, ...Array.from({ length: 10 }, () => pick(ids))];
          for (const id of chosen) pushed.set(id, (pushed.get(id) ?? 0) + 1);
          service.push(chosen);
        };
        /** Waits, as an application may that does not want to wait for its next attempt. */
        const untilMembers = (check: () => void): Promise<void> =>
          eventually(() => {
            for (const each of members) each.hurry();
            check();
          });
        const received = (): number => members.reduce((sum, { next }) => sum + next, 0);
        const joinOrLeave = (member: RecordedMember): void =>
          member.isConnected ? member.leave() : member.join(live);

        for (const member of members) member.join(live);
        for (let change = 0; change < changes; change++) {
          const before = received();
          pushSome();
          // A mixed order, in which each kind has its share.
          const kind = (change * 7) % 20;
          if (kind < 5) relay.cut();
          else if (kind < 9) for (const server of servers) await server.cut();
          else if (kind < 10) await pick(servers).kill();
          else for (const some of [members, members, shortMembers]) joinOrLeave(pick(some));
          pushSome();
          // Some changes come while the one before is under way.
          if (random() < 0.7) await untilMembers(() => expect(received()).toBeGreaterThan(before));
        }

        for (const member of members) if (!member.isConnected) member.join(live);
        await service.end();
        await untilMembers(() => expect(members.filter(({ end }) => end === "")).toEqual([]));
        expect(members.map(({ name: id, end, next }) => [id, end, next])).toEqual(
          ids.map((id) => [id, "done", (pushed.get(id) ?? 0) + 1]),
        );
        expect(members.filter((member) => member.resets > 0 && !shortMembers.includes(member))).toEqual([]);
        const [first, second] = servers;
        const counts = {
          changes,
          cuts: relay.cuts,
          serverCuts: first.cuts + second.cuts,
          kills: first.kills + second.kills,
          served: servers.map(({ served }) => served),
          resets: shortMembers.reduce((sum, { resets }) => sum + resets, 0),
          events: [...pushed.values()].reduce((sum, count) => sum + count),
        };
        console.log(`${STREAMS} streams in ${name}, behind nginx: ${JSON.stringify(counts)}`);
        expect(counts.cuts).toBeGreaterThan(changes / 20);
        expect(counts.serverCuts).toBeGreaterThan(changes / 20);
        expect(counts.kills).toBeGreaterThan(0);
        for (const served of counts.served) expect(served).toBeGreaterThan(changes / 20);
        expect(counts.resets).toBeGreaterThan(0);
      },
    );
  },
);
