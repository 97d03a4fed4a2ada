import { jobs } from "../../lib/jobs";

export const GET = (): Response => Response.json({ ...jobs.gauges(), edition: process.env.EDITION });
