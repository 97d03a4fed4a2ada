import { getEventListeners } from "node:events";
import type { AnyEvents } from "../../src/protocol/event.ts";
import type { Registry } from "../../src/registry/types.ts";
import {
  createFakeClock,
  createMemoryClient,
  createMemoryStore,
  type FakeClock,
  type MemoryClient,
  type MemoryStore,
} from "../../src/testing/index.ts";
import type { StreamWriter } from "../../src/stream/writer.ts";
import { createFaultyStore, type FaultyStore } from "../support/faulty-store.ts";
import type { Core } from "../support/mutants.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { Annals, type Life } from "./annals.ts";
import { CHANNEL, type History, REGISTRIES, type Step, STREAMS, WITNESSES } from "./history.ts";
import { Witness } from "./witness.ts";

/** Small enough that a short history runs into every limit: a log holds some seven events, the store fifty. */
const LIMITS = { buffer: { events: 50, bytes: 600 }, linger: 3_000, wait: 600_000, maxDuration: 3_600_000 };
/** Longer than any lease, the search for a dead producer, and the waiting for one whose stream was lost. */
const SETTLED_AFTER = 45_000;

/** Lives through one history; throws at the first broken promise. */
export async function live(core: Core, { durability, steps, seed }: History): Promise<void> {
  const world = new World(core, durability, seed);
  for (const step of steps) {
    await world.take(step);
    world.check();
  }
  await world.finish();
}

/** One process. */
interface Machine {
  readonly registry: Registry;
  readonly link: FaultyStore;
  readonly clients: MemoryClient[];
  dead: boolean;
}

interface Producer {
  readonly machine: Machine;
  readonly writer: StreamWriter<AnyEvents>;
  readonly life: Life;
}

const name = (stream: number): string => (stream === CHANNEL ? "room" : `job-${stream}`);

const CODES = ["STREAM_EXISTS", "STORE_UNAVAILABLE", "REGISTRY_CLOSED", "LIMIT_EXCEEDED"];

class World {
  readonly #core: Core;
  readonly #clock: FakeClock = createFakeClock();
  readonly #random: () => number;
  readonly #store: MemoryStore;
  readonly #annals = new Annals();
  readonly #durability: "local" | "stored";
  readonly #machines: Machine[];
  readonly #buried: Machine[] = [];
  /** The latest of each stream, and all that there ever were. */
  readonly #producers: Producer[] = [];
  readonly #everyProducer: Producer[] = [];
  readonly #witnesses: Witness[];
  readonly #clients: MemoryClient[] = [];
  readonly #pending: Promise<unknown>[] = [];
  /** What was pushed to the channel, and by whom. */
  readonly #pushed = new Map<string, Machine>();
  #count = 0;
  #goBack: (() => void) | undefined;
  /** Whether anything was done to the calls or to processes, and whether the store has lost anything. */
  #hadFaults = false;
  #hadLosses = false;
  #unexpected: unknown;

  constructor(core: Core, durability: "local" | "stored", seed: number) {
    this.#core = core;
    this.#durability = durability;
    this.#random = seededRandom(seed);
    this.#store = createMemoryStore({ clock: this.#clock });
    this.#machines = Array.from({ length: REGISTRIES }, () => this.#start());
    this.#witnesses = Array.from(
      { length: WITNESSES },
      (_, number) => new Witness(name(number % STREAMS), this.#annals),
    );
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "open":
        return this.#open(step.stream, this.#machine(step.registry));
      case "push":
        if (step.stream === CHANNEL) this.#pushToChannel(step.count, this.#machine(step.registry));
        else this.#push(step.stream, step.count);
        return;
      case "end":
      case "fail":
        return this.#end(step.stream, step.do);
      case "cancel":
        this.#expect(this.#machine(step.registry).registry.cancel(name(step.stream), "user"));
        return;
      case "connect":
        return this.#connect(this.#witness(step.witness), this.#machine(step.registry), step.fresh);
      case "leave":
        return this.#witness(step.witness).leave();
      case "stall":
        return this.#witness(step.witness).client?.stall();
      case "drain":
        return this.#witness(step.witness).client?.drain();
      case "calls":
        this.#hadFaults = true;
        this.#machine(step.registry).link.calls = step.fates;
        return;
      case "wakes":
        this.#machine(step.registry).link.wakes = step.fates;
        return;
      case "kill":
        return this.#kill(step.registry);
      case "close":
        return this.#close(step.registry);
      case "trim":
        return this.#store.trim(name(step.stream), step.keep);
      case "flush":
        this.#hadLosses = true;
        this.#goBack = undefined;
        return this.#store.flush();
      case "copy":
        this.#goBack = this.#store.copy();
        return;
      case "failOver":
        if (this.#goBack === undefined) return;
        this.#hadLosses = true;
        this.#annals.wentBack();
        return this.#goBack();
      case "pass":
        return this.#clock.advance(step.ms);
    }
  }

  /** What holds at every moment. */
  check(): void {
    if (this.#unexpected !== undefined) throw this.#unexpected;
    for (const witness of this.#witnesses) witness.read();
  }

  /** Everything heals: all have everything, what nobody produces has ended, and nothing is held in the end. */
  async finish(): Promise<void> {
    for (const { link } of this.#machines) {
      link.calls = ["well"];
      link.wakes = ["well"];
    }
    for (const client of this.#clients) client.drain();
    await this.#clock.advance(SETTLED_AFTER);
    this.check();
    for (const witness of this.#witnesses) this.#settle(witness);
    this.#checkEnds();
    if (!this.#hadLosses) await this.#checkRoom();
    await this.#closeAll();
    this.#nothingLeft();
  }

  #start(): Machine {
    const link = createFaultyStore(this.#store, { clock: this.#clock, random: this.#random, pageFrames: 4 });
    const registry = this.#core.createRegistry({
      ...LIMITS,
      store: link,
      durability: this.#durability,
      clock: this.#clock,
      random: this.#random,
      observer: {
        warned: () => undefined,
        failed: ({ stage, error }) => {
          const isFair = stage === "store" ? this.#hadFaults || this.#hadLosses : stage === "source";
          if (!isFair) this.#unexpected ??= error;
        },
      },
    });
    return { registry, link, clients: [], dead: false };
  }

  async #open(stream: number, machine: Machine): Promise<void> {
    if (stream === CHANNEL) return;
    const opening = machine.registry.open(name(stream)).then((writer) => {
      const producer = { machine, writer, life: this.#annals.begin(writer.epoch) };
      this.#producers[stream] = producer;
      this.#everyProducer.push(producer);
    });
    this.#expect(opening);
    await this.#clock.flush();
  }

  #push(stream: number, count: number): void {
    const producer = this.#producers[stream];
    if (producer === undefined || producer.machine.dead) return;
    const { writer, life } = producer;
    for (let pushed = 0; pushed < count; pushed++) {
      const data = `${++this.#count}`;
      try {
        const id = writer.push({ event: "token", data });
        life.events.push(data);
        if (id !== `${life.epoch}.${life.events.length}`) throw new Error(`Pushed as ${id}`);
      } catch (error) {
        const { code } = error as { code?: string };
        if (!["STREAM_ENDED", "LIMIT_EXCEEDED"].includes(code ?? "")) throw error;
        if (code === "LIMIT_EXCEEDED" && life.status !== undefined) throw error;
      }
    }
  }

  #pushToChannel(count: number, machine: Machine): void {
    for (let pushed = 0; pushed < count; pushed++) {
      const data = `${++this.#count}`;
      try {
        machine.registry.channel("room").push({ data });
        this.#pushed.set(data, machine);
      } catch (error) {
        if ((error as { code?: string }).code !== "LIMIT_EXCEEDED") throw error;
      }
    }
  }

  #end(stream: number, how: "end" | "fail"): void {
    const producer = this.#producers[stream];
    if (producer === undefined || producer.machine.dead || producer.life.status !== undefined) return;
    const { writer, life } = producer;
    if (!writer.signal.aborted) life.status = how === "end" ? "done" : "failed";
    this.#expect(how === "end" ? writer.end() : writer.fail(new Error("a secret")));
  }

  async #connect(witness: Witness, machine: Machine, fresh: boolean): Promise<void> {
    witness.leave();
    if (fresh) witness.cursor = undefined;
    const client = createMemoryClient(witness.cursor === undefined ? {} : { cursor: witness.cursor });
    this.#clients.push(client);
    machine.clients.push(client);
    witness.connect(client);
    const { registry } = machine;
    const source = witness.id === "room" ? registry.channel("room") : registry.stream(witness.id);
    this.#pending.push(this.#core.serve(client.request, client.open, source));
    await this.#clock.flush();
  }

  #kill(number: number): void {
    this.#hadFaults = true;
    const machine = this.#machine(number);
    this.#bury(machine);
    this.#machines[number % REGISTRIES] = this.#start();
    machine.link.cut();
    for (const client of machine.clients) client.leave();
  }

  #close(number: number): void {
    this.#hadFaults = true;
    const machine = this.#machine(number);
    this.#bury(machine);
    this.#machines[number % REGISTRIES] = this.#start();
    this.#pending.push(machine.registry.close({ deadline: 1_000, spread: 0 }));
  }

  #bury(machine: Machine): void {
    machine.dead = true;
    this.#buried.push(machine);
  }

  /** Who is connected and does not know the end has everything that was pushed, by somebody who lives. */
  #settle(witness: Witness): void {
    const { client, place } = witness;
    if (client === undefined || client.state !== "open") return;
    if (witness.waits || place === undefined) {
      const producer = this.#producers[Number(witness.id.slice(-1))];
      if (witness.id === "room") throw new Error("Waits for a channel");
      if (producer !== undefined && isLive(producer)) throw new Error("Waits for what is live");
      return;
    }
    const life = this.#annals.life(place.epoch);
    if (life === undefined) {
      if (witness.id !== "room") throw new Error("Hangs on what nobody has opened");
      return;
    }
    const producer = this.#everyProducer.find((candidate) => candidate.life === life);
    if (producer === undefined || !isLive(producer))
      throw new Error(`Hangs at ${place.seq} of ${life.events.length}: its producer is gone`);
    if (place.seq !== life.events.length) throw new Error(`Idle at ${place.seq} of ${life.events.length}`);
  }

  /** All clients of a stream were told of the same end, if the store keeps what it has. */
  #checkEnds(): void {
    for (const { epoch, told } of this.#annals.lives) {
      const mayDiffer = this.#hadLosses || (this.#hadFaults && this.#durability === "local");
      if (told.size > 1 && !mayDiffer) throw new Error(`${epoch} has ended as ${[...told].join(" and ")}`);
      if (told.has("lost") && !this.#hadFaults && !this.#hadLosses) throw new Error(`${epoch} was lost`);
    }
  }

  /** What was pushed to the channel is in the store, once, as far as it keeps it. */
  async #checkRoom(): Promise<void> {
    const page = await this.#store.read("room", null, { frames: 1_000, bytes: Infinity });
    const frames = page.code === "ok" ? page.frames : [];
    const stored = frames.map((frame) => /data: (.*)/.exec(new TextDecoder().decode(frame))?.[1]);
    if (new Set(stored).size !== stored.length) throw new Error(`Stored twice: ${stored.join()}`);
    if (page.code === "ok" && page.meta.first > 1) return;
    for (const [data, machine] of this.#pushed) {
      if (!machine.dead && !stored.includes(data)) throw new Error(`${data} is not stored`);
    }
  }

  async #closeAll(): Promise<void> {
    for (const witness of this.#witnesses) witness.leave();
    for (const client of this.#clients) client.leave();
    const all = [...this.#machines, ...this.#buried];
    const closed = all.map(({ registry }) => registry.close({ deadline: 0 }));
    await this.#clock.advance(4_000);
    await Promise.all([...closed, ...this.#pending]);
    for (const { registry } of all) {
      const gauges = JSON.stringify(registry.gauges());
      if (/[1-9]/.test(gauges)) throw new Error(`Still held: ${gauges}`);
    }
  }

  #nothingLeft(): void {
    if (this.#clock.timers > 0) throw new Error(`${this.#clock.timers} timers left`);
    for (const { request } of this.#clients) {
      if (getEventListeners(request.signal, "abort").length > 0) throw new Error("An abort listener is left");
    }
  }

  /** It may fail, but only as it says. */
  #expect(call: Promise<unknown>): void {
    const checked = call.catch((error: unknown) => {
      const { code } = error as { code?: string };
      if (!CODES.includes(code ?? "")) this.#unexpected ??= error;
    });
    this.#pending.push(checked);
  }

  #machine(number: number): Machine {
    return this.#machines[number % REGISTRIES] as Machine;
  }

  #witness(number: number): Witness {
    return this.#witnesses[number % WITNESSES] as Witness;
  }
}

function isLive({ machine, writer, life }: Producer): boolean {
  return !machine.dead && !writer.signal.aborted && life.status === undefined;
}
