import { toResponse } from "@holdfast/core";
import { countdowns } from "./countdowns.ts";

// In Next.js: app/countdowns/[name]/route.ts
export async function GET(
  request: Request,
  context: { params: Promise<{ name: string }> },
): Promise<Response> {
  const { name } = await context.params;
  return toResponse(request, countdowns.stream(name));
}
