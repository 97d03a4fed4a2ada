import { type BaseEvent, HttpAgent, type Message, type RunAgentInput, type State } from "@ag-ui/client";
import { connect } from "@holdfast/client";
import { Answer, type AnswerKind, type Start } from "@holdfast/client/internal";
import { Observable } from "rxjs";
import type { ConnectionConfig, ResumableAgentConfig } from "./config.ts";
import { RUN_ANSWER } from "./run-answer.ts";

// From the base class: its copy of rxjs may be another one.
type Events = ReturnType<HttpAgent["run"]>;

/** What the agent had before a run. */
interface Before {
  readonly messages: Message[];
  readonly state: State;
}

/**
 * An agent of AG-UI whose runs survive: after a lost connection a run goes on behind its last event, and nobody notices.
 * After a reload, in a second tab, or after a run that has failed half-way, `connectAgent()` reads the thread's run from its
 * beginning. A question is sent once. What ends too early is an error, never the end of the run.
 *
 * `abortRun()` and `detachActiveRun()` only stop reading. `stop()` stops the run, for everybody.
 *
 * @throws TypeError for an option that is not valid, with the first request
 *
 * @example
 * const agent = new ResumableAgent({ url: "/api/runs", threadId });
 * await agent.connectAgent(); // what runs already
 * await agent.runAgent();
 */
export class ResumableAgent extends HttpAgent {
  // Not `#`: `clone()` of the base class makes an object that has not been constructed.
  /** How connections are made. */
  private connection: ConnectionConfig;
  /** Where a run is read and stopped. */
  private urls: Required<Pick<ResumableAgentConfig, "resumeUrl" | "stopUrl">>;
  /** The last run. */
  private answer: Answer<BaseEvent> | undefined;
  /** From before the last run. */
  private before: Before | undefined;

  constructor(config: ResumableAgentConfig) {
    const {
      resumeUrl = (threadId: string) => threadUrl(this.url, threadId, "stream"),
      stopUrl = (threadId: string) => threadUrl(this.url, threadId, "stop"),
      ...rest
    } = config;
    super(rest);
    const { backoff, breaker, clock, connectTimeout, credentials, giveUpAfter } = rest;
    const { idleTimeout, keepAlive, maxEventSize, onServerError, random } = rest;
    const given = { backoff, breaker, clock, connectTimeout, credentials, giveUpAfter };
    const more = { idleTimeout, keepAlive, maxEventSize, onServerError, random };
    this.connection = withoutUndefined({ ...given, ...more });
    this.urls = { resumeUrl, stopUrl };
  }

  /** Asks once, and reads the run through all connections. */
  override run(input: RunAgentInput): Events {
    const { body, headers } = this.requestInit(input);
    const resumeUrl = this.urls.resumeUrl(input.threadId);
    return this.read("question", (own) =>
      connect(this.url, {
        ...this.shared(),
        ...own,
        body: body as string,
        headers: () => headers,
        resumeUrl,
      }),
    );
  }

  /** As that of `HttpAgent`, but also after a run of which the agent has a part: that part is read again. */
  override async connectAgent(
    ...parameters: Parameters<HttpAgent["connectAgent"]>
  ): ReturnType<HttpAgent["connectAgent"]> {
    if (this.answer?.isPartial === true && this.before !== undefined) {
      this.setMessages(this.before.messages);
      this.setState(this.before.state);
    }
    if (this.abortController.signal.aborted) this.abortController = new AbortController();
    return super.connectAgent(...parameters);
  }

  /** Reads the run of the thread from its beginning. */
  protected override connect({ threadId }: RunAgentInput): Events {
    const kind = this.answer?.isPartial === true ? "repetition" : "resumption";
    return this.read(kind, (own) =>
      connect(this.urls.resumeUrl(threadId), { ...this.shared(), ...own, headers: () => this.headers }),
    );
  }

  /**
   * Stops the run of the thread, for everybody who reads it.
   *
   * @throws (as a rejection) an error of `fetch`; Error if the server refuses
   */
  async stop(): Promise<void> {
    this.answer?.markStopped();
    const { credentials } = this.connection;
    const response = await this.fetch(this.urls.stopUrl(this.threadId), {
      method: "POST",
      headers: this.headers,
      ...(credentials && { credentials }),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`The run could not be stopped: ${response.status}.`);
  }

  /** As that of `HttpAgent`: the copy reads on its own. */
  override clone(): ResumableAgent {
    const { connection, urls } = this;
    return Object.assign(super.clone() as ResumableAgent, { connection, urls });
  }

  /** What all connections have in common. */
  private shared(): ConnectionConfig & { readonly fetch: typeof fetch } {
    return { ...this.connection, fetch: (url, init) => this.fetch(url as string, init ?? {}) };
  }

  /** Reads one run, until nobody wants its events. */
  private read(kind: AnswerKind, start: Start<BaseEvent>): Events {
    const { signal } = this.abortController;
    return new Observable((subscriber) => {
      const lifetime = new AbortController();
      this.before = { messages: structuredClone(this.messages), state: structuredClone(this.state) };
      const answer = new Answer(RUN_ANSWER, start, kind, AbortSignal.any([signal, lifetime.signal]));
      this.answer = answer;
      forward(answer, kind).then(
        () => subscriber.complete(),
        (error: unknown) => subscriber.error(error),
      );
      return () => lifetime.abort();

      async function forward(from: Answer<BaseEvent>, asked: AnswerKind): Promise<void> {
        const events = await from.open();
        // The part that the agent had is gone already.
        if (events === null && asked === "repetition") throw new Error("The run is not there any more.");
        for await (const event of events ?? []) subscriber.next(event);
        signal.throwIfAborted();
      }
    });
  }
}

function withoutUndefined<T extends object>(values: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

/** A path below the URL of the agent, before its query. */
function threadUrl(url: string, threadId: string, name: string): string {
  const [path = "", query] = url.split(/(?=[?#])/, 2);
  const base = path.endsWith("/") ? path.slice(0, -1) : path;
  return `${base}/${encodeURIComponent(threadId)}/${name}${query ?? ""}`;
}
