import { toResponse } from "@holdfast/core";
import type { LoaderFunctionArgs } from "react-router";
import { jobs } from "../jobs";

export const loader = ({ request, params }: LoaderFunctionArgs): Promise<Response> =>
  toResponse(request, jobs.stream(params.id ?? ""));
