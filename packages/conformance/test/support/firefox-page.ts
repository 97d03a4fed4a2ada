import type { BidiConnection } from "./bidi-connection.ts";

interface Contexts {
  readonly contexts: readonly [{ readonly context: string }];
}

interface Outcome {
  /** Text has a value, `undefined` has none. */
  readonly result: { readonly value?: string };
  readonly exceptionDetails?: { readonly text: string };
}

/** The page of Firefox, with the methods of Playwright's `Page` that the tests use. */
export class FirefoxPage {
  readonly #connection: BidiConnection;
  readonly #context: string;

  private constructor(connection: BidiConnection, context: string) {
    this.#connection = connection;
    this.#context = context;
  }

  static async connect(connection: BidiConnection): Promise<FirefoxPage> {
    await connection.send("session.new", { capabilities: {} });
    await connection.send("session.subscribe", { events: ["script.message"] });
    const { contexts } = await connection.send<Contexts>("browsingContext.getTree", {});
    return new FirefoxPage(connection, contexts[0].context);
  }

  /** Opens another tab. */
  async open(): Promise<FirefoxPage> {
    const { context } = await this.#connection.send<{ readonly context: string }>("browsingContext.create", {
      type: "tab",
    });
    return new FirefoxPage(this.#connection, context);
  }

  async close(): Promise<void> {
    await this.#connection.send("browsingContext.close", { context: this.#context });
  }

  /** Resolves when the page has loaded. */
  async goto(url: string): Promise<void> {
    await this.#connection.send("browsingContext.navigate", {
      context: this.#context,
      url,
      wait: "complete",
    });
  }

  /** Evaluates a script, or calls a function, in the page, and awaits its result. Argument and result are JSON. */
  async evaluate<Result, Argument = undefined>(
    script: string | ((argument: Argument) => Result | Promise<Result>),
    argument?: Argument,
  ): Promise<Result> {
    const code = typeof script === "string" ? script : `(${script.toString()})(${JSON.stringify(argument)})`;
    const text = await this.#call("async (code) => JSON.stringify(await (0, eval)(code))", {
      type: "string",
      value: code,
    });
    return (text === undefined ? undefined : JSON.parse(text)) as Result;
  }

  /** Adds a global function to this document and to later ones. It passes its argument, which is JSON, to `callback`. */
  async exposeFunction<Argument>(name: string, callback: (argument: Argument) => void): Promise<void> {
    const addFunction = `(send) => { globalThis.${name} = (argument) => send(JSON.stringify(argument)); }`;
    const channel = { type: "channel", value: { channel: name } };
    this.#connection.onChannel(name, (text) => callback(JSON.parse(text) as Argument));
    const preload = { functionDeclaration: addFunction, arguments: [channel] };
    await this.#connection.send("script.addPreloadScript", preload);
    await this.#call(addFunction, channel);
  }

  async #call(functionDeclaration: string, argument: object): Promise<string | undefined> {
    const { result, exceptionDetails } = await this.#connection.send<Outcome>("script.callFunction", {
      functionDeclaration,
      arguments: [argument],
      target: { context: this.#context },
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(`In Firefox: ${exceptionDetails.text}`);
    return result.value;
  }
}
