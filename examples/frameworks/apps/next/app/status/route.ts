import { jobs } from "../../jobs";

export const dynamic = "force-dynamic"; // asked at each request, not once at build time

export const GET = () => Response.json({ ...jobs.gauges(), edition: process.env.EDITION });
