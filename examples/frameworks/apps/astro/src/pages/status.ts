import type { APIRoute } from "astro";
import { jobs } from "../jobs";

export const GET: APIRoute = () => Response.json({ ...jobs.gauges(), edition: process.env.EDITION });
