import { HTTPException } from "hono/http-exception";

export interface JobRequest {
  /** Not validated yet, because that needs the disk. */
  readonly path: unknown;
  readonly filesPerSecond: number;
}

/**
 * Parses the body of a request for a job: `{ "path"?, "filesPerSecond"? }`, or an empty body.
 *
 * @throws an `HTTPException` 400 that says what is wrong with the body
 */
export function readJobRequest(body: string): JobRequest {
  const { path, filesPerSecond = Infinity } = body === "" ? {} : parseObject(body);
  if (typeof filesPerSecond === "number" && filesPerSecond > 0) return { path, filesPerSecond };
  throw new HTTPException(400, {
    message: `"filesPerSecond" must be a positive number, not ${JSON.stringify(filesPerSecond)}`,
  });
}

function parseObject(json: string): Partial<Record<keyof JobRequest, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new HTTPException(400, { message: "the body is not JSON", cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new HTTPException(400, { message: "the body must be a JSON object" });
}
