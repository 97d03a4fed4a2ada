import type { CloseReason, EndStatus, ResetReason } from "./reasons.ts";

/** Where a background failure happened. */
export type FailureStage = "source" | "cleanup" | "delivery" | "snapshot" | "store";

/**
 * The one window for what happens in the background: a bag of optional functions. One that throws disturbs
 * nothing. Without one, `warned` and `failed` go to `console.warn`.
 */
export interface Observer {
  connectionOpened?(info: { readonly id: string | undefined }): void;
  connectionClosed?(info: {
    readonly id: string | undefined;
    readonly reason: CloseReason;
    /** How long it was open, in ms. */
    readonly duration: number;
    /** User events written. */
    readonly events: number;
    /** Bytes written, heartbeats and control events included. */
    readonly bytes: number;
  }): void;
  streamOpened?(info: { readonly id: string; readonly epoch: string }): void;
  streamEnded?(info: {
    readonly id: string;
    readonly epoch: string;
    readonly status: EndStatus;
    /** Events pushed in its life. */
    readonly events: number;
  }): void;
  /** Events were pushed to a stream; told once a turn. */
  pushed?(info: { readonly id: string; readonly events: number }): void;
  /** What a connection was written since this was told before; told now and then, and when it closes. */
  delivered?(info: {
    readonly id: string | undefined;
    readonly events: number;
    readonly bytes: number;
  }): void;
  heartbeat?(info: { readonly id: string | undefined }): void;
  /** A connection has caught up with what was there when it came. */
  replayed?(info: { readonly id: string | undefined; readonly events: number }): void;
  reset?(info: {
    readonly id: string;
    readonly reason: ResetReason;
    readonly lost: readonly [from: number, to: number] | null;
  }): void;
  /** Something that need not be wrong, but that somebody should know. */
  warned?(info: { readonly id: string | undefined; readonly message: string }): void;
  /** Something that failed with nobody to throw at. */
  failed?(info: {
    readonly id: string | undefined;
    readonly stage: FailureStage;
    readonly error: unknown;
  }): void;
}

const CONSOLE: Observer = {
  warned: (info) => console.warn("holdfast:", info.message, info),
  failed: (info) => console.warn(`holdfast: ${info.stage} failed`, info.error),
};

type Info<Name extends keyof Observer> = Parameters<NonNullable<Observer[Name]>>[0];

/** Tells the observer, or the console of what must not be lost; never throws. */
export type Report = <Name extends keyof Observer>(name: Name, info: Info<Name>) => void;

export function createReport(observer: Observer = {}): Report {
  return (name, info) => {
    const warn = (error: unknown): void => console.warn(`holdfast: the observer's ${name} failed`, error);
    try {
      const listen = (observer[name] ?? CONSOLE[name]) as ((info: Info<typeof name>) => unknown) | undefined;
      const told = listen?.call(observer, info);
      // It may be asynchronous, though its type asks for nothing.
      if (told !== undefined) Promise.resolve(told).catch(warn);
    } catch (error) {
      warn(error);
    }
  };
}
