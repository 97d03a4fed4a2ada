import "reflect-metadata";
import { sse } from "@holdfast/express";
import { Controller, Get, Module, Param, Req, Res } from "@nestjs/common";
import type { Request, Response } from "express";
import { countdowns } from "./countdowns.ts";

@Controller("countdowns")
class CountdownsController {
  @Get(":name")
  follow(@Req() req: Request, @Res() res: Response, @Param("name") name: string): Promise<void> {
    return sse(req, res, countdowns.stream(name));
  }
}

@Module({ controllers: [CountdownsController] })
export class AppModule {}
