import { expect, test, vi } from "vitest";
import { createRegistry } from "../../src/registry/registry.ts";

// The same in workerd: `npm run matrix -- frameworks workers`.

const REMEDY = /^A registry in a module of a Worker does not work, .*Create the registry in a Durable Object/;

/** The request that runs; outside of any, there is none. */
let current: string | undefined;

function stubWorker(): void {
  vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
  vi.stubGlobal("crypto", {
    getRandomValues() {
      if (current === undefined) throw new Error("Disallowed operation called within global scope.");
    },
  });
  vi.stubGlobal(
    "Response",
    class {
      readonly owner = current;
      clone(): void {
        if (this.owner !== current) {
          throw new Error("Cannot perform I/O on behalf of a different request.");
        }
      }
    },
  );
}

test("in a Worker, a registry that is created outside of a request is an error that says what to do", () => {
  stubWorker();
  current = undefined;
  expect(() => createRegistry()).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(REMEDY) }),
  );
});

test("in a Worker, a registry that another request has created is an error at each use", async () => {
  stubWorker();
  current = "the first";
  const jobs = createRegistry();
  current = "the second";
  const error = expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(REMEDY) });
  await expect(jobs.open("42")).rejects.toEqual(error);
  expect(() => jobs.channel("lobby")).toThrow(error);
});

test("in a Durable Object, whose requests share their objects, a registry can be used again and again", async () => {
  stubWorker();
  current = "the object";
  const jobs = createRegistry();
  for (const id of ["1", "2"]) {
    const job = await jobs.open(id);
    job.push({ data: "news" });
    await job.end();
  }
  jobs.channel("lobby").push({ data: "hello" });
  await jobs.close();
});
