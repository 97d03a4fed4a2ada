import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import type { AnswerStatus, ChatMessage, Given } from "./chat.ts";

/** An answer that somebody has asked for. */
export interface Answer {
  readonly id: number;
  readonly chat: string;
  /** The id of its message. */
  readonly message: string;
  readonly status: AnswerStatus;
  readonly error: string | undefined;
  /** The process that writes it. */
  readonly writer: number;
}

/** The database of the application, in the same file as the streams: the messages of the chats, and what the model gave. */
export class ChatTable {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: 5_000 });
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE IF NOT EXISTS chats (id TEXT PRIMARY KEY, messages TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS answers (id INTEGER PRIMARY KEY, chat TEXT NOT NULL, message TEXT NOT NULL,
        status TEXT NOT NULL, error TEXT, writer INTEGER NOT NULL, calls INTEGER DEFAULT 0, given TEXT DEFAULT '');
      CREATE TABLE IF NOT EXISTS stops (answer INTEGER PRIMARY KEY);
      CREATE INDEX IF NOT EXISTS answers_of_chat ON answers (chat)`);
  }

  messages(chat: string): ChatMessage[] {
    const row = this.#database.prepare("SELECT messages FROM chats WHERE id = ?").get(chat);
    return row === undefined ? [] : (JSON.parse(String(row["messages"])) as ChatMessage[]);
  }

  /**
   * Adds an answer to a question, with the messages up to this question.
   *
   * @param stored what the messages have to be until now
   * @returns its id; `undefined` if another process was faster
   */
  begin(
    chat: string,
    message: string,
    stored: readonly ChatMessage[],
    messages: readonly ChatMessage[],
  ): number | undefined {
    return this.#atomically(() => {
      if (this.latest(chat)?.status === "writing") return undefined;
      if (JSON.stringify(this.messages(chat)) !== JSON.stringify(stored)) return undefined;
      this.#save(chat, messages);
      const { lastInsertRowid } = this.#database
        .prepare("INSERT INTO answers (chat, message, status, writer) VALUES (?, ?, 'writing', ?)")
        .run(chat, message, process.pid);
      return Number(lastInsertRowid);
    });
  }

  /** Takes back what `begin` has added. */
  undo({ id, chat }: Pick<Answer, "id" | "chat">, stored: readonly ChatMessage[]): void {
    this.#atomically(() => {
      this.#database.prepare("DELETE FROM answers WHERE id = ?").run(id);
      this.#save(chat, stored);
    });
  }

  /** Ends an answer that has not ended yet, with the message that is to be kept of it. */
  end(
    { id, chat }: Pick<Answer, "id" | "chat">,
    status: AnswerStatus,
    { error, message }: { readonly error?: string; readonly message?: ChatMessage | undefined } = {},
  ): void {
    this.#atomically(() => {
      const { changes } = this.#database
        .prepare("UPDATE answers SET status = ?, error = ? WHERE id = ? AND status = 'writing'")
        .run(status, error ?? null, id);
      if (changes === 0 || message === undefined) return;
      this.#save(chat, [...this.messages(chat).filter((one) => one.id !== message.id), message]);
    });
  }

  /** Writes down that somebody stops the answer that is being written. */
  stop(chat: string): void {
    this.#database
      .prepare("INSERT OR IGNORE INTO stops SELECT id FROM answers WHERE chat = ? AND status = 'writing'")
      .run(chat);
  }

  /** Whether somebody has stopped an answer. */
  isStopped(answer: number): boolean {
    return this.#database.prepare("SELECT 1 FROM stops WHERE answer = ?").get(answer) !== undefined;
  }

  addCall(answer: number): void {
    this.#database.prepare("UPDATE answers SET calls = calls + 1 WHERE id = ?").run(answer);
  }

  addText(answer: number, text: string): void {
    this.#database.prepare("UPDATE answers SET given = given || ? WHERE id = ?").run(text, answer);
  }

  /** The last answer of a chat. */
  latest(chat: string): Answer | undefined {
    const row = this.#database
      .prepare("SELECT * FROM answers WHERE chat = ? ORDER BY id DESC LIMIT 1")
      .get(chat);
    return row && toAnswer(row);
  }

  /** The answers that are being written, or that a process has left. */
  unfinished(): Answer[] {
    return this.#database.prepare("SELECT * FROM answers WHERE status = 'writing'").all().map(toAnswer);
  }

  /** What the model gave for each message of a chat, at the last attempt. */
  given(chat: string): Given[] {
    const rows = this.#database
      .prepare(
        `SELECT message, given, calls, count(*) OVER (PARTITION BY message) AS questions,
          row_number() OVER (PARTITION BY message ORDER BY id DESC) AS place
        FROM answers WHERE chat = ?`,
      )
      .all(chat);
    return rows
      .filter(({ place }) => place === 1)
      .map(({ message, given, calls, questions }) => ({
        message: String(message),
        text: String(given),
        calls: Number(calls),
        questions: Number(questions),
      }));
  }

  close(): void {
    this.#database.close();
  }

  #save(chat: string, messages: readonly ChatMessage[]): void {
    this.#database
      .prepare("INSERT INTO chats VALUES (?, ?) ON CONFLICT DO UPDATE SET messages = excluded.messages")
      .run(chat, JSON.stringify(messages));
  }

  #atomically<T>(work: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}

function toAnswer({ id, chat, message, status, error, writer }: Record<string, SQLOutputValue>): Answer {
  return {
    id: Number(id),
    chat: String(chat),
    message: String(message),
    status: status as AnswerStatus,
    error: typeof error === "string" ? error : undefined,
    writer: Number(writer),
  };
}
