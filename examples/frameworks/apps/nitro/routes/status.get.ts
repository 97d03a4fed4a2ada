import { defineHandler } from "h3";
import { jobs } from "../utils/jobs";

export default defineHandler(() => ({ ...jobs.gauges(), edition: process.env.EDITION }));
