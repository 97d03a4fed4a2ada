import { jobs } from "../utils/jobs";

export default defineEventHandler(() => ({ ...jobs.gauges(), edition: process.env.EDITION }));
