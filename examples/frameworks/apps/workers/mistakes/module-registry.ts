import { createRegistry, toResponse } from "@holdfast/core";

// What does not work: the tests check that the error says so.
const jobs = createRegistry();

export class Job {}

export default {
  fetch: (request: Request): Promise<Response> => toResponse(request, jobs.stream("job")),
};
