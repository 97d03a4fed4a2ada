import { sse } from "@holdfast/express";
import { Controller, Get, Param, Req, Res } from "@nestjs/common";
import type { Request, Response } from "express";
import { jobs } from "./jobs.js";

@Controller()
export class JobsController {
  @Get("jobs/:id")
  follow(@Req() req: Request, @Res() res: Response, @Param("id") id: string): Promise<void> {
    return sse(req, res, jobs.stream(id));
  }

  @Get("status")
  status() {
    return jobs.gauges();
  }
}
