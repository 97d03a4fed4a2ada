import "reflect-metadata";
import { sse } from "@holdfast/express";
import { type BeforeApplicationShutdown, Controller, Get, Module, Param, Req, Res } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { Request, Response } from "express";
import { jobs } from "./jobs.ts";

@Controller("jobs")
class JobsController {
  @Get(":id")
  follow(@Req() req: Request, @Res() res: Response, @Param("id") id: string): Promise<void> {
    return sse(req, res, jobs.stream(id));
  }
}

@Module({ controllers: [JobsController] })
class AppModule implements BeforeApplicationShutdown {
  async beforeApplicationShutdown(): Promise<void> {
    await jobs.close();
    setTimeout(() => process.exit(), 2_000).unref();
  }
}

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks(["SIGTERM"], { useProcessExit: true });
await app.listen(Number(process.env["PORT"] ?? 3000));
