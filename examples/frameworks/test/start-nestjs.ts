import { text } from "node:stream/consumers";
import type { AdapterUnderTest } from "@holdfast/conformance";
import { sse } from "@holdfast/express";
import { All, Controller, Module, Req, Res } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { Request, Response } from "express";

export const startNestJs: AdapterUnderTest["start"] = async (answer) => {
  @Controller()
  class CatchAllController {
    @All("*path")
    async handle(@Req() req: Request, @Res() res: Response): Promise<void> {
      await answer({
        url: req.originalUrl,
        body: await text(req),
        setHeader: (name, value) => void res.append(name, value),
        sse: (source, options) => sse(req, res, source, options),
      });
    }
  }

  @Module({ controllers: [CatchAllController] })
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: false, bodyParser: false });
  await app.listen(0, "127.0.0.1");
  return { port: Number(new URL(await app.getUrl()).port), close: () => app.close() };
};
