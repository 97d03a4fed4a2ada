import { adapterNamed, type Fetch } from "./adapters.ts";

interface Env {
  readonly ADAPTER: string;
  readonly SERVER: { idFromName(name: string): unknown; get(id: unknown): { readonly fetch: Fetch } };
}

/** Sends everything to one Durable Object: elsewhere no request may touch what belongs to another. */
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
