import { toResponse } from "@holdfast/core";
import { defineHandler, getRouterParam } from "h3";
import { jobs } from "../../utils/jobs";

export default defineHandler((event) =>
  toResponse(event.req, jobs.stream(getRouterParam(event, "id") ?? "")),
);
