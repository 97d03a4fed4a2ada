import { toResponse } from "@holdfast/core";
import type { APIRoute } from "astro";
import { jobs } from "../../jobs";

export const GET: APIRoute = ({ request, params }) => toResponse(request, jobs.stream(params.id ?? ""));
