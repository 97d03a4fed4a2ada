import { createRegistry, type Registry, toResponse } from "@holdfast/core";

// What does not work either: the second request cannot use what the first one has created.
let jobs: Registry | undefined;

export class Job {}

export default {
  async fetch(request: Request): Promise<Response> {
    try {
      jobs ??= createRegistry();
      return await toResponse(request, jobs.stream("job"));
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};
