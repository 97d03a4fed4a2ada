import "reflect-metadata";
import { type BeforeApplicationShutdown, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { JobsController } from "./jobs.controller.js";
import { jobs } from "./jobs.js";

@Module({ controllers: [JobsController] })
class AppModule implements BeforeApplicationShutdown {
  async beforeApplicationShutdown(): Promise<void> {
    await jobs.close();
    setTimeout(() => process.exit(), 2_000).unref();
  }
}

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks(["SIGTERM"], { useProcessExit: true });
await app.listen(Number(process.env.PORT ?? 3000));
