import { type BaseEvent, HttpAgent, type RunAgentInput } from "@ag-ui/client";
import { connect } from "@holdfast/client";
import { Answer, type AnswerKind, answerUrl, type Start, stopAnswers } from "@holdfast/client/internal";
import { Observable } from "rxjs";
import type { ConnectionConfig, ResumableAgentConfig } from "./config.ts";
import { PartOfRun } from "./part-of-run.ts";
import { RUN_ANSWER } from "./run-answer.ts";

// From the base class: its copy of rxjs may be another one.
type Events = ReturnType<HttpAgent["run"]>;

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
  /** The options that it was made with. */
  private config: ResumableAgentConfig;
  /** What is read now. */
  private answer: Answer<BaseEvent> | undefined;
  /** What the agent has of a run that has failed half-way, or was left. */
  private part: PartOfRun | undefined;

  constructor(config: ResumableAgentConfig) {
    super(config);
    this.config = config;
  }

  /** Asks once, and reads the run through all connections. */
  override run(input: RunAgentInput): Events {
    const { body } = this.requestInit(input);
    return this.read(input.threadId, "question", (own) =>
      connect(this.url, {
        ...this.shared(),
        ...own,
        body: body as string,
        headers: () => this.requestInit(input).headers,
        resumeUrl: this.resumeUrl(input.threadId),
      }),
    );
  }

  /** As that of `HttpAgent`, but also after a run of which the agent has a part: that part is read again. */
  override async connectAgent(
    ...parameters: Parameters<HttpAgent["connectAgent"]>
  ): ReturnType<HttpAgent["connectAgent"]> {
    await this.detachActiveRun();
    if (this.abortController.signal.aborted) this.abortController = new AbortController();
    // A run that is under way is no answer to an interrupt.
    const { pendingInterrupts } = this;
    this.pendingInterrupts = [];
    this.restore();
    const { part } = this;
    try {
      return await super.connectAgent(...parameters);
    } finally {
      // Nothing has come.
      if (this.part === part && this.pendingInterrupts.length === 0)
        this.pendingInterrupts = pendingInterrupts;
    }
  }

  /** Reads the run of the thread from its beginning. */
  protected override connect({ threadId }: RunAgentInput): Events {
    return this.read(threadId, this.part?.threadId === threadId ? "repetition" : "resumption", (own) =>
      connect(this.resumeUrl(threadId), { ...this.shared(), ...own, headers: () => this.headers }),
    );
  }

  /**
   * Stops the run of the thread, for everybody who reads it.
   *
   * @throws (as a rejection) an error of `fetch`; Error if the server refuses
   */
  stop(): Promise<void> {
    const { stopUrl = (threadId: string) => answerUrl(this.url, threadId, "stop"), credentials } =
      this.config;
    return stopAnswers(this.answer === undefined ? [] : [this.answer], () =>
      this.fetch(stopUrl(this.threadId), {
        method: "POST",
        headers: this.headers,
        ...(credentials && { credentials }),
      }),
    );
  }

  /** As that of `HttpAgent`: the copy reads on its own. */
  override clone(): ResumableAgent {
    const { config, part } = this;
    return Object.assign(super.clone() as ResumableAgent, { config, part });
  }

  /** Where the run of a thread is read. */
  private resumeUrl(threadId: string): string {
    return this.config.resumeUrl?.(threadId) ?? answerUrl(this.url, threadId, "stream");
  }

  /** What all connections have in common. */
  private shared(): ConnectionConfig & { readonly fetch: typeof fetch } {
    const { resumeUrl: _resumeUrl, stopUrl: _stopUrl, headers: _headers, ...connection } = this.config;
    return { ...connection, fetch: (url, init) => this.fetch(url as string, init ?? {}) };
  }

  /** Removes the part that the agent has of a run. */
  private restore(): void {
    if (this.part?.threadId !== this.threadId) return;
    this.setMessages(this.part.removeFrom(this.messages));
    this.setState(this.part.state);
  }

  /** Reads one run, until nobody wants its events. */
  private read(threadId: string, kind: AnswerKind, start: Start<BaseEvent>): Events {
    const { signal } = this.abortController;
    return new Observable((subscriber) => {
      const lifetime = new AbortController();
      const abort = (): void => lifetime.abort(signal.reason);
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
      const answer = new Answer(RUN_ANSWER, start, kind, lifetime.signal);
      this.answer = answer;
      const part = new PartOfRun(threadId, this.messages, this.state);

      const forward = async (): Promise<void> => {
        const events = await answer.open();
        const reader = events?.getReader();
        for (;;) {
          const { done, value } = (await reader?.read()) ?? { done: true };
          if (done || value === undefined) break;
          this.part = part;
          part.add(value);
          subscriber.next(value);
        }
        signal.throwIfAborted();
      };
      forward()
        .then(
          () => subscriber.complete(),
          (error: unknown) => subscriber.error(error),
        )
        .finally(() => {
          signal.removeEventListener("abort", abort);
          if (this.part === part && !answer.isPartial) this.part = undefined;
        });
      return abort;
    });
  }
}
