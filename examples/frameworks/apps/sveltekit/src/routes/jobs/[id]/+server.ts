import { toResponse } from "@holdfast/core";
import { jobs } from "../../../lib/jobs";

export const GET = ({ request, params }: { request: Request; params: { id: string } }): Promise<Response> =>
  toResponse(request, jobs.stream(params.id));
