import { toResponse } from "@holdfast/core";
import { jobs } from "../../../jobs";

export async function GET(request: Request, { params }: { params: Promise<{ id: string }> }) {
  return toResponse(request, jobs.stream((await params).id));
}
