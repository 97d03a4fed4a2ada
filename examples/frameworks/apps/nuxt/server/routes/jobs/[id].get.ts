import { sse } from "@holdfast/node-http";
import { jobs } from "../../utils/jobs";

export default defineEventHandler((event) =>
  sse(event.node.req, event.node.res, jobs.stream(getRouterParam(event, "id") ?? "")),
);
