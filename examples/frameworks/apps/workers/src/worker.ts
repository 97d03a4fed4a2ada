import { DurableObject } from "cloudflare:workers";
import { createRegistry, toResponse } from "@holdfast/core";

interface Env {
  JOBS: DurableObjectNamespace<Job>;
}

/** One object for each job, with a registry of its own. */
export class Job extends DurableObject<Env> {
  readonly #jobs = createRegistry({ source });

  override async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === "/status") return Response.json(this.#jobs.gauges());
    return toResponse(request, this.#jobs.stream("job"));
  }
}

export default {
  fetch(request: Request, env: Env): Response | Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const id = /^\/jobs\/(\w{1,32})$/.exec(pathname)?.[1] ?? searchParams.get("job");
    if (id === null) return new Response(null, { status: 404 });
    return env.JOBS.getByName(id).fetch(request);
  },
};

async function* source() {
  for (let data = 1; ; data++) {
    yield { event: "tick", data };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
