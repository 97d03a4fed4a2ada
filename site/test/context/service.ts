/** The service around a fragment of code on a page: what its reader has to imagine. Types only; fragments are not run. */
import type {
  AnyEvents,
  Counters,
  EventBody,
  Gauges,
  HoldfastError,
  PipeSource,
  Registry,
  StreamEvent,
  StreamWriter,
} from "@holdfast/core";
import type { Express } from "express";
import type { Context, Hono } from "hono";
import type { Redis } from "ioredis";

export declare const app: Hono;
/** An app whose middleware knows the user. */
export declare const signedIn: Hono<{ Variables: { user: { id: string } } }>;
export declare const express: Express;
export declare const c: Context;
/** As in docs/monitoring.md. */
export declare const createMetrics: (
  counters: Counters,
  gauges: () => Gauges,
) => { readonly contentType: string; metrics(): Promise<string> };
export declare const id: string;
export declare const jobs: Registry;
export declare const answer: StreamWriter<AnyEvents>;
export declare const request: Request;
export declare const response: EventBody | Response;
export declare const signal: AbortSignal;
export declare const client: Redis;

export declare const url: string;
export declare const headers: Record<string, string>;
export declare const body: string;

export interface Events {
  progress: { done: number };
  done: string;
}

interface Page {
  events: StreamEvent<Events>[];
  cursor: number;
  done?: boolean;
}

interface Row {
  id: string;
}

export declare const db: {
  job(id: string, options: { signal: AbortSignal }): Promise<{ result: string | null } | undefined>;
  eventsAfter(id: string, cursor: number): Promise<Page | null>;
  rowsAfter(cursor: string | undefined, options: { signal: AbortSignal }): AsyncIterable<Row>;
  saveUsage(id: string, usage: object): Promise<void>;
};

type Listener = (message: { payload?: string }) => void;
export declare const pg: Record<"on" | "off", (event: "notification", listener: Listener) => void>;

export declare const transport: { handleRequest(request: Request): Promise<Response> };
export declare function compute(signal: AbortSignal): Promise<string>;
export declare function work(
  id: string,
  done: number,
  signal: AbortSignal,
): PipeSource<AnyEvents> | Promise<PipeSource<AnyEvents>>;

export declare function token(): Promise<string>;
export declare function show(...parts: unknown[]): void;
export declare const lastEventId: string;

export interface MyRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string | undefined>;
  readonly signal: AbortSignal;
}
export interface MyResponse {
  begin(status: number, headers: object): void;
  onDrain(listener: () => void): void;
  onClose(listener: () => void): void;
  write(bytes: Uint8Array): boolean;
  end(): void;
  breakOff(): void;
  destroy(): void;
}
export type { HoldfastError };
