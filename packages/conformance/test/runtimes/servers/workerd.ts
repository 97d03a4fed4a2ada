import { adapterNamed, type Fetch } from "./adapters.ts";

interface Env {
  readonly ADAPTER: string;
  readonly SERVER: { idFromName(name: string): unknown; get(id: unknown): { readonly fetch: Fetch } };
}

/** Passes every request to one Durable Object: outside of it, requests cannot share objects. */
export default {
  fetch: (request: Request, { SERVER }: Env): Promise<Response> =>
    SERVER.get(SERVER.idFromName("one")).fetch(request),
};

export class Server {
  readonly fetch: Fetch;

  constructor(_state: unknown, { ADAPTER }: Env) {
    this.fetch = adapterNamed(ADAPTER);
  }
}
