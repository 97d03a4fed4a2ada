/** The parts of three platforms that pages import. The packages themselves are large, and run only there. */

declare module "cloudflare:workers" {
  export abstract class DurableObject<Env = unknown> {
    constructor(context: object, env: Env);
    fetch?(request: Request): Response | Promise<Response>;
  }
}

/** A global of Workers. */
interface DurableObjectNamespace<_Class> {
  getByName(name: string): { fetch(request: Request): Promise<Response> };
}

declare module "expo/fetch" {
  interface FetchResponse extends Pick<Response, "body" | "headers" | "ok" | "status" | "url"> {}
  export function fetch(url: string, init?: object): Promise<FetchResponse>;
}

declare module "react-native" {
  export const AppState: {
    addEventListener(event: "change", listener: (state: "active" | "background") => void): { remove(): void };
  };
}
