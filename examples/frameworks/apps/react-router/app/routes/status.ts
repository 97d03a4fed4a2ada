import { jobs } from "../jobs";

export const loader = (): Response => Response.json({ ...jobs.gauges(), edition: process.env.EDITION });
