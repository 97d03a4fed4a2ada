import { join } from "node:path";
import { vi } from "vitest";
import { FOLDER } from "./blocks.ts";

/** A code block of a page, as the module that it is. */
export function load<Module>(page: string, file: string): Promise<Module> {
  return import(/* @vite-ignore */ join(FOLDER, page, file)) as Promise<Module>;
}

/** What a block that makes an app exports. */
export interface Service {
  readonly app: { request: (request: Request | string, init?: RequestInit) => Response | Promise<Response> };
}

const ORIGIN = "http://service.test/";

type Fetch = (request: Request) => Response | Promise<Response>;

/** Lets `fetch` and the client reach a service without a network, under relative URLs as in a page. */
export function connectPagesTo(answer: Fetch): void {
  vi.stubGlobal("location", { href: ORIGIN });
  vi.stubGlobal("fetch", async (input: RequestInfo | URL, init?: RequestInit) => {
    const url = input instanceof Request ? input : new URL(String(input), ORIGIN);
    return answer(new Request(url, init));
  });
}

/** Repeats a check until it does not throw, for as long as a busy machine may need. */
export function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 100_000, interval: 5 });
}

/** An element of a page, as far as the pages' code uses one. */
export class FakeElement {
  textContent = "";
  max = 0;
  value = 0;
  children: FakeElement[] = [];

  append(child: FakeElement | string): void {
    if (typeof child === "string") this.textContent += child;
    else this.children.push(child);
  }

  replaceChildren(): void {
    this.children = [];
  }
}
