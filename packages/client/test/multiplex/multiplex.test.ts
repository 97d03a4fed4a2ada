import { describe, expect, expectTypeOf, test } from "vitest";
import {
  type Connection,
  createBreaker,
  json,
  type MemberOptions,
  type Message,
  multiplex,
  type Multiplex,
  type MultiplexOptions,
  text,
  type TextMessage,
} from "../../src/index.ts";
import { createFakeServer, type FakeServer } from "../support/fake-server.ts";
import { collect, control, event, type Followed, OPEN } from "../support/follow.ts";
import { idOf, member, MemberServer, readMemberRequest } from "../support/member-server.ts";

const URL_OF_ALL = "http://server.test/live?tenant=7";

/** A multiplex over a fake server, closed when the test is finished. */
function start(server: FakeServer, options: MultiplexOptions = {}): Multiplex {
  return multiplex(URL_OF_ALL, { fetch: server.fetch, clock: server.clock, random: () => 0.5, ...options });
}

/** Connects to members, whose request is made. */
async function followMembers<Name extends string>(
  server: FakeServer,
  live: Multiplex,
  names: readonly Name[],
  options: MemberOptions & { readonly events?: never } = {},
): Promise<Record<Name, Followed>> {
  const entries = names.map((name) => [name, collect(live.connect(name, options))]);
  await server.clock.advance(20);
  return Object.fromEntries(entries) as Record<Name, Followed>;
}

const statuses = ({ states }: Followed): string[] => states.map(({ status }) => status);
const dataOf = ({ messages }: Followed): string[] => messages.map(({ data }) => data);

describe("the request", () => {
  test("is one for all members, with a random name and their cursors", async () => {
    const server = createFakeServer();
    const live = start(server, { headers: { authorization: "Bearer t" } });
    collect(live.connect("jobs/42", { lastEventId: idOf(3) }));
    await server.clock.advance(19);
    collect(live.connect("lobby"));
    expect(server.requests).toBe(0);
    await server.clock.advance(1);
    expect(server.requests).toBe(1);
    const { name, members } = readMemberRequest(server.last);
    expect(name).toMatch(/^[\w-]{22}$/);
    expect([...members]).toEqual([
      ["jobs/42", idOf(3)],
      ["lobby", ""],
    ]);
    expect(server.last.url).toBe(`${URL_OF_ALL}&mux=${name}&on=jobs%2F42%40${idOf(3)}&on=lobby`);
    expect(server.last.init.method).toBe("GET");
    expect(server.last.header("authorization")).toBe("Bearer t");
    expect(server.last.header("last-event-id")).toBeNull();
    expect(readMemberRequest(server.last).name).not.toBe(readMemberRequest(server.last).members);
  });

  test("has an `@` behind a name with one, for its end is at the last", async () => {
    const server = createFakeServer();
    await followMembers(server, start(server), ["user@example.com", "ä & b=c"]);
    const { members } = readMemberRequest(server.last);
    expect([...members.keys()]).toEqual(["user@example.com", "ä & b=c"]);
    expect(server.last.url).toMatch(/&on=user%40example.com%40&on=%C3%A4\+%26\+b%3Dc$/);
  });

  test("is a form, which needs no preflight, if the URL would be over 4 KiB", async () => {
    const server = createFakeServer();
    const names = Array.from({ length: 80 }, (_, index) => `a/rather/long/name/of/a/member/${index}`);
    await followMembers(server, start(server), names);
    const { body, headers, method } = server.last.init;
    expect([server.last.url, method]).toEqual([URL_OF_ALL, "POST"]);
    expect([...readMemberRequest(server.last).members.keys()]).toEqual(names);
    expect(body).toBeInstanceOf(URLSearchParams);
    expect([...new Headers(headers).keys()]).toEqual(["accept"]);
  });

  test("is refused before it is made for wrong options", async () => {
    const server = createFakeServer();
    expect(() => multiplex("http://")).toThrow(TypeError);
    expect(() => multiplex(URL_OF_ALL, { giveUpAfter: 0 })).toThrow(TypeError);
    const live = start(server);
    expect(() => live.connect("")).toThrow("`member` must be a name");
    expect(() => live.connect("a", { events: { a: 1 } as never })).toThrow(TypeError);
    for (let index = 0; index < 256; index++) live.connect(String(index));
    expect(() => live.connect("0")).toThrow("`member` must be one that is not connected already, got 0.");
    expect(() => live.connect("256")).toThrow("`member` must be one of at most 256");
    live.close();
    using again = live.connect("0");
    expect(again.state.status).toBe("connecting");
  });
});

describe("a member is a connection like any other", () => {
  test("with its events, its states and its end", async () => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    members.open("a");
    members.open("b");
    members.push("a", "a1", "a2");
    const { a, b } = await followMembers(server, start(server), ["a", "b"]);
    members.push("b", "b1");
    members.push("a", "a3");
    members.end("a");
    await server.clock.flush();
    expect([dataOf(a), dataOf(b)]).toEqual([["a1", "a2", "a3"], ["b1"]]);
    expect(a.connection.lastEventId).toBe(`${idOf(4)}.end`);
    expect([a.ended, b.ended]).toEqual([true, undefined]);
    expect(statuses(a)).toEqual(["open", "replaying", "live", "closed"]);
    expect(statuses(b)).toEqual(["open", "replaying", "live"]);
    expect(server.requests).toBe(1);
  });

  test("with decoders, resets and errors of its own", async () => {
    const server = createFakeServer();
    const heard: unknown[] = [];
    const live = start(server);
    const a = collect(
      live.connect("a", {
        events: { n: json<number>() },
        onInvalid: "skip",
        onReset: (reset) => heard.push(reset),
        onServerError: ({ code }) => heard.push(code),
      }),
    );
    const b = collect(live.connect("b"));
    await server.clock.advance(20);
    const reset = { reason: "trimmed", lost: [1, 4] };
    server.last.open(
      member("a") +
        control("open", OPEN) +
        control("reset", reset, idOf(4)) +
        event("5", idOf(5), "n") +
        event("five", idOf(6), "n") +
        member("b") +
        event("5", idOf(1), "n") +
        member("a") +
        control("error", { code: "SNAPSHOT_FAILED", message: "", retryable: true }),
    );
    await server.clock.flush();
    expect(a.messages).toEqual([{ id: idOf(5), event: "n", data: 5 }]);
    expect(b.messages).toEqual([{ id: idOf(1), event: "n", data: "5" }]);
    expect(heard).toEqual([reset, "SNAPSHOT_FAILED"]);
  });

  test("that fails as its stream does", async () => {
    const server = createFakeServer();
    const { a, b } = await followMembers(server, start(server), ["a", "b"]);
    const error = { code: "TASK_FAILED", message: "No.", retryable: false };
    server.last.open(
      member("a") + control("error", error) + control("end", { status: "failed" }, `${idOf(1)}.end`),
    );
    await server.clock.flush();
    expect(a.ended).toMatchObject({ name: "ConnectionError", reason: "failed", server: error });
    expect(b.ended).toBeUndefined();
  });

  test("with types from its contract", () => {
    const live = null as unknown as Multiplex;
    const events = { token: text, progress: json<{ done: number }>() };
    type Typed = Connection<Message<{ token: string; progress: { done: number } }>>;
    const connectTyped = () => live.connect("a", { events });
    const connectText = () => live.connect("a");
    expectTypeOf<ReturnType<typeof connectTyped>>().toEqualTypeOf<Typed>();
    expectTypeOf<ReturnType<typeof connectText>>().toEqualTypeOf<Connection<TextMessage>>();
  });
});

describe("when members come and go", () => {
  test("the request is broken off before the next one, which has all cursors, and nobody else sees it", async () => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    for (const name of ["a", "b", "c"]) members.open(name);
    members.push("a", "a1");
    const live = start(server);
    const { a } = await followMembers(server, live, ["a"]);
    members.push("a", "a2");
    await server.clock.flush();
    const before = a.states.length;
    const first = server.last;
    const { b, c } = await followMembers(server, live, ["b", "c"]);
    expect(first.isOver).toBe(true);
    members.push("a", "a3");
    members.push("c", "c1");
    await server.clock.flush();
    expect([dataOf(a), dataOf(b), dataOf(c)]).toEqual([["a1", "a2", "a3"], [], ["c1"]]);
    // The server says again that it is up to date.
    expect(statuses(a).slice(before)).toEqual(["replaying", "live"]);
    b.connection.close();
    c.connection.close();
    await server.clock.advance(20);
    expect(members.requests.map((request) => [...request.members])).toEqual([
      [["a", ""]],
      [
        ["a", idOf(2)],
        ["b", ""],
        ["c", ""],
      ],
      [["a", idOf(3)]],
    ]);
    expect(new Set(members.requests.map(({ name }) => name)).size).toBe(1);
    expect(server.clock.now()).toBeLessThan(200);
  });

  test("and nothing has changed in the end, there is no request", async () => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    members.open("a");
    const live = start(server);
    await followMembers(server, live, ["a"]);
    const { connection } = collect(live.connect("b"));
    await server.clock.advance(10);
    connection.close();
    await server.clock.advance(60);
    expect(server.requests).toBe(1);
  });

  test("a member that has ended costs no request", async () => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    members.open("a");
    members.open("b");
    const { b } = await followMembers(server, start(server), ["a", "b"]);
    members.end("a");
    await server.clock.advance(100);
    members.push("b", "b1");
    await server.clock.flush();
    expect([server.requests, dataOf(b)]).toEqual([1, ["b1"]]);
  });

  test("the last one that goes closes the connection at once", async () => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    members.open("a");
    const live = start(server);
    const { a } = await followMembers(server, live, ["a"]);
    a.connection.close();
    expect([server.last.isOver, server.clock.timers]).toEqual([true, 0]);
    const again = await followMembers(server, live, ["a"]);
    members.push("a", "a1");
    await server.clock.flush();
    expect([server.requests, dataOf(again.a)]).toEqual([2, ["a1"]]);
    live.close();
    expect([again.a.connection.state.status, server.clock.timers]).toEqual(["closed", 0]);
  });

  test("while a request is under way, it is replaced, and its failures are not forgotten", async () => {
    const server = createFakeServer();
    const live = start(server);
    const { a } = await followMembers(server, live, ["a"]);
    server.last.respond(503);
    await server.clock.advance(500);
    await followMembers(server, live, ["b"]);
    expect(server.requests).toBe(3);
    expect(server.exchanges[1]?.isOver).toBe(true);
    server.last.respond(503);
    await server.clock.flush();
    expect(a.connection.state).toMatchObject({ status: "retrying", attempt: 3 });
    const { c } = await followMembers(server, live, ["c"]);
    await server.clock.advance(100);
    expect(server.requests).toBe(3);
    expect(c.connection.state).toBe(a.connection.state);
  });

  test("while a request is prepared, it asks for those that are there when it is sent", async () => {
    const server = createFakeServer();
    let calls = 0;
    const headers = (): Promise<Record<string, string>> =>
      new Promise((resolve) => server.clock.after(100, () => resolve({ "x-call": String(++calls) })));
    const live = start(server, { headers });
    await followMembers(server, live, ["a"]);
    await followMembers(server, live, ["b"]);
    await server.clock.advance(79);
    await followMembers(server, live, ["c"]);
    await server.clock.advance(100);
    expect([server.requests, server.last.header("x-call")]).toEqual([1, "1"]);
    expect([...readMemberRequest(server.last).members.keys()]).toEqual(["a", "b", "c"]);
  });

  test("a listener may close any of them, at any state", async () => {
    for (const status of ["open", "replaying", "live", "retrying", "connecting"]) {
      const server = createFakeServer();
      const members = new MemberServer(server);
      for (const name of ["a", "b", "c"]) members.open(name);
      const { a, b, c } = await followMembers(server, start(server), ["a", "b", "c"]);
      b.connection.subscribe((state) => {
        if (state.status === status) [a, c].forEach(({ connection }) => connection.close());
      });
      members.cut();
      await server.clock.advance(1_500);
      members.push("b", "b1");
      await server.clock.flush();
      expect(dataOf(b)).toEqual(["b1"]);
      for (const { connection } of [a, c])
        expect(connection.state).toEqual({ status: "closed", reason: "closed" });
    }
  });

  test("a member leaves when its signal aborts", async () => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    members.open("a");
    members.open("b");
    const live = start(server);
    const abort = new AbortController();
    const { a } = await followMembers(server, live, ["a"], { signal: abort.signal });
    await followMembers(server, live, ["b"]);
    abort.abort("enough");
    await server.clock.advance(20);
    expect(a.ended).toBe("enough");
    expect([...(members.requests.at(-1)?.members.keys() ?? [])]).toEqual(["b"]);
  });
});

describe("a member's answer is what the response to its own request would be", () => {
  test.each<[string, object, object]>([
    [
      "404",
      { status: 404 },
      { status: "closed", reason: "failed", error: { reason: "refused", status: 404 } },
    ],
    ["403", { status: 403 }, { status: "closed", reason: "failed", error: { reason: "unauthorized" } }],
    ["204", { status: 204 }, { status: "closed", reason: "done" }],
    ["503", { status: 503 }, { status: "retrying", reason: "unavailable", delay: 500 }],
    ["503, later", { status: 503, retryAfter: 4_000 }, { status: "retrying", delay: 4_400, isAsked: true }],
  ])("%s", async (_what, answer, state) => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    members.open("b");
    members.answers.set("a", answer);
    const { a, b } = await followMembers(server, start(server), ["a", "b"]);
    members.push("b", "b1");
    await server.clock.flush();
    expect(a.connection.state).toMatchObject(state);
    expect(statuses(a)).not.toContain("open");
    expect([dataOf(b), b.connection.state.status, server.requests]).toEqual([["b1"], "live", 1]);
  });

  test("and one that is retried joins again after its delay", async () => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    members.open("a");
    members.open("b");
    members.answers.set("a", { status: 503 });
    const { a, b } = await followMembers(server, start(server), ["a", "b"]);
    members.answers.clear();
    members.push("a", "a1");
    await server.clock.advance(519);
    expect(server.requests).toBe(1);
    await server.clock.advance(1);
    members.push("b", "b1");
    await server.clock.flush();
    expect([server.requests, dataOf(a), dataOf(b)]).toEqual([2, ["a1"], ["b1"]]);
  });

  test("and a policy decides about it", async () => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    members.open("b");
    const live = start(server, { policy: { refused: "retry" } });
    const { a } = await followMembers(server, live, ["a", "b"]);
    expect(a.connection.state).toMatchObject({
      status: "retrying",
      reason: "refused",
      loss: { status: 404 },
    });
  });

  test("204 to all of them is 204 to the request", async () => {
    const server = createFakeServer();
    const { a, b } = await followMembers(server, start(server), ["a", "b"]);
    server.last.respond(204);
    await server.clock.advance(100);
    expect([a.ended, b.ended, server.requests]).toEqual([true, true, 1]);
  });

  test("but who came after that request is asked for", async () => {
    const server = createFakeServer();
    const live = start(server);
    const { a } = await followMembers(server, live, ["a"]);
    const { connection } = collect(live.connect("b"));
    await server.clock.advance(10);
    server.last.respond(204);
    await server.clock.advance(20);
    expect([a.ended, connection.state.status, server.requests]).toEqual([true, "connecting", 2]);
    expect([...readMemberRequest(server.last).members.keys()]).toEqual(["b"]);
  });
});

describe("a loss of the connection is one for all members", () => {
  test("with one delay, one request, and the same state", async () => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    members.open("a");
    members.open("b");
    members.push("a", "a1");
    const { a, b } = await followMembers(server, start(server), ["a", "b"]);
    await server.clock.advance(6_000);
    members.cut();
    await server.clock.flush();
    expect(a.connection.state).toMatchObject({ status: "retrying", reason: "network", delay: 1_100 });
    expect(b.connection.state).toBe(a.connection.state);
    members.push("b", "b1");
    await server.clock.advance(1_100);
    expect([dataOf(a), dataOf(b), server.requests]).toEqual([["a1"], ["b1"], 2]);
    expect(statuses(a).slice(-5)).toEqual(["retrying", "connecting", "open", "replaying", "live"]);
  });

  test("also when the server is silent", async () => {
    const server = createFakeServer();
    const { a, b } = await followMembers(server, start(server), ["a", "b"]);
    server.last.open(member("a") + control("open", { ...OPEN, heartbeat: 2_000 }));
    await server.clock.advance(5_900);
    server.last.send(": beat\n\n");
    await server.clock.advance(5_999);
    expect(a.connection.state.status).toBe("replaying");
    await server.clock.advance(1);
    for (const { connection } of [a, b]) {
      expect(connection.state).toMatchObject({ status: "retrying", reason: "stalled" });
    }
  });

  test("also when the server drains it, and only then is its `retry:` that of the connection", async () => {
    const server = createFakeServer();
    const { a, b } = await followMembers(server, start(server), ["a", "b"]);
    server.last.open(member("a") + event("a1", idOf(1)));
    await server.clock.advance(6_000);
    server.last.send(control("drain", { reason: "shutdown" }).replace("data:", "retry: 4000\ndata:"));
    await server.clock.flush();
    expect(a.connection.state).toMatchObject({ status: "retrying", reason: "shutdown", delay: 4_400 });
    expect(b.connection.state).toBe(a.connection.state);
  });

  test("and it is given up for all", async () => {
    const server = createFakeServer();
    server.onRequest = (exchange) => exchange.respond(503);
    const live = start(server, { giveUpAfter: 10_000 });
    const { a, b } = await followMembers(server, live, ["a", "b"]);
    await server.clock.advance(20_000);
    expect(a.ended).toMatchObject({ reason: "gave-up" });
    expect(b.ended).toBe(a.ended);
    const { requests } = server;
    server.onRequest = undefined;
    a.connection.reconnect();
    a.resume();
    await server.clock.advance(20);
    expect(server.requests).toBe(requests + 1);
    server.last.open(member("a") + event("a1", idOf(1)));
    await server.clock.flush();
    expect(dataOf(a)).toEqual(["a1"]);
  });

  test("and what is refused as a whole is fatal for all", async () => {
    const server = createFakeServer();
    const { a, b } = await followMembers(server, start(server), ["a", "b"]);
    server.last.respond(401);
    await server.clock.advance(0);
    server.last.respond(401);
    await server.clock.flush();
    for (const { ended } of [a, b]) expect(ended).toMatchObject({ reason: "unauthorized", status: 401 });
    expect(server.requests).toBe(2);
  });

  test("and an error of the application's own function is passed on to all", async () => {
    const server = createFakeServer();
    const bug = new Error("A bug in the application.");
    const policy = {
      network: () => {
        throw bug;
      },
    };
    const { a, b } = await followMembers(server, start(server, { policy }), ["a", "b"]);
    server.last.cut();
    await server.clock.flush();
    expect([a.ended, b.ended]).toEqual([bug, bug]);
  });

  test("and `reconnect` of any member ends the wait", async () => {
    const server = createFakeServer();
    const { a, b } = await followMembers(server, start(server), ["a", "b"]);
    server.last.respond(503, { "retry-after": "60" });
    await server.clock.advance(100);
    b.connection.reconnect();
    await server.clock.advance(20);
    expect(server.requests).toBe(2);
    expect([...readMemberRequest(server.last).members.keys()].toSorted()).toEqual(["a", "b"]);
    expect(a.connection.state.status).toBe("connecting");
  });

  test("and takes one permit of a breaker", async () => {
    const server = createFakeServer();
    const breaker = createBreaker({ failures: 2, clock: server.clock });
    const { a } = await followMembers(server, start(server, { breaker }), ["a", "b", "c"]);
    server.last.respond(503);
    await server.clock.flush();
    expect(breaker.state).toBe("closed");
    await server.clock.advance(1_000);
    server.last.respond(503);
    await server.clock.flush();
    expect([breaker.state, a.connection.state.status]).toEqual(["open", "retrying"]);
  });
});

describe("a drain of one member", () => {
  test("is that member's alone, wherever it stands, and so is its `retry:`", async () => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    members.open("a");
    members.open("b");
    const { a, b } = await followMembers(server, start(server), ["a", "b"]);
    members.push("b", "b1");
    await server.clock.advance(6_000);
    members.drain("a");
    members.push("b", "b2");
    await server.clock.flush();
    expect(a.connection.state).toMatchObject({ status: "retrying", reason: "waiting", delay: 1_100 });
    expect([dataOf(b), b.connection.state.status]).toEqual([["b1", "b2"], "live"]);
    await server.clock.advance(1_120);
    members.push("a", "a1");
    await server.clock.flush();
    expect([dataOf(a), server.requests]).toEqual([["a1"], 2]);
  });
});

describe("what waits for a consumer", () => {
  test("does not change the state while the connection is lost", async () => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    members.open("a");
    members.push("a", "a1");
    const connection = start(server).connect("a");
    await server.clock.advance(20);
    members.push("a", "a2");
    await server.clock.flush();
    members.cut();
    await server.clock.flush();
    expect((await connection.next()).value?.data).toBe("a1");
    expect((await connection.next()).value?.data).toBe("a2");
    expect(connection.state.status).toBe("retrying");
    connection.close();
  });

  test("is asked for again after a failure, from the last event that was taken", async () => {
    const server = createFakeServer();
    const members = new MemberServer(server);
    members.open("a");
    let isBroken = true;
    const decode = (data: string): string => {
      if (isBroken && data === "a2") throw new Error("Invalid.");
      return data;
    };
    const a = collect(start(server).connect("a", { events: { message: decode } }));
    await server.clock.advance(20);
    for (const data of ["a1", "a2", "a3"]) {
      members.push("a", data);
      members.push("a", `${data}, too`);
    }
    await server.clock.flush();
    expect(a.ended).toMatchObject({ reason: "invalid" });
    expect(a.connection.lastEventId).toBe(idOf(2));
    isBroken = false;
    a.connection.reconnect();
    a.resume();
    await server.clock.advance(20);
    expect(members.requests.at(-1)?.members.get("a")).toBe(idOf(2));
    expect(dataOf(a as never)).toEqual(["a1", "a1, too", "a2", "a2, too", "a3", "a3, too"]);
  });
});

test("`reconnect` of a member asks anew for all, and only its own state shows it", async () => {
  const server = createFakeServer();
  const members = new MemberServer(server);
  members.open("a");
  members.open("b");
  members.push("a", "a1");
  const { a, b } = await followMembers(server, start(server), ["a", "b"]);
  a.states.length = b.states.length = 0;
  a.connection.reconnect();
  await server.clock.advance(20);
  members.push("a", "a2");
  await server.clock.flush();
  expect(statuses(a)).toEqual(["retrying", "connecting", "open", "replaying", "live"]);
  expect(statuses(b)).toEqual(["replaying", "live"]);
  expect([server.requests, dataOf(a)]).toEqual([2, ["a1", "a2"]]);
});
