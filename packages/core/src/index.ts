// For adapters
export { serve } from "./connection/serve.ts";

// For applications
export * from "./app/index.ts";
