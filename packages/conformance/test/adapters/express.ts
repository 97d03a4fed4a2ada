import { createServer } from "node:http";
import { type AdapterUnderTest, listen } from "@holdfast/conformance";
import { sse } from "@holdfast/express";
import express5 from "express";
import express4 from "express-4";

const onExpress = (express: typeof express5, name: string): AdapterUnderTest => ({
  name,
  start(answer) {
    const app = express();
    app.use(express.text());
    app.use((req, res, next) => {
      answer({
        url: req.url,
        body: typeof req.body === "string" ? req.body : "",
        setHeader: (header, value) => void res.append(header, value),
        sse: (source, options) => sse(req, res, source, options),
      }).catch(next);
    });
    // Express recognises an error handler by its four parameters. The default one would log the errors of the tests.
    const onError: express5.ErrorRequestHandler = (_error, _req, res, _next) => void res.status(500).end();
    app.use(onError);
    return listen(createServer(app));
  },
});

export const onExpress5: AdapterUnderTest = onExpress(express5, "express 5");
export const onExpress4: AdapterUnderTest = onExpress(express4 as typeof express5, "express 4");
