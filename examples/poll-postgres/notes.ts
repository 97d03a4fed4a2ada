import { createRegistry, poll, type Registry } from "@holdfast/core";
import { Client, type Notification, Pool } from "pg";

interface Note {
  readonly id: number;
  readonly text: string;
}

interface Events {
  note: string;
}

/** The trigger says which topic has a new note: within the transaction, so that a listener reads what it is told of. */
const SCHEMA = `
  CREATE TABLE notes (id serial PRIMARY KEY, topic text NOT NULL, text text NOT NULL);
  CREATE FUNCTION announce_note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_notify('notes', NEW.topic); RETURN NULL; END $$;
  CREATE TRIGGER announce AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION announce_note();
`;

export interface Notes {
  /** A stream for each topic. */
  readonly registry: Registry<Events>;
  add(topic: string, text: string): Promise<void>;
  close(): Promise<void>;
}

/** @param interval the pause between two reads if nothing is announced, in ms */
export async function openNotes(url: string, interval: number): Promise<Notes> {
  const settings = { connectionString: url };
  const pool = new Pool(settings);
  await pool.query(SCHEMA);
  // One connection for the process, however many topics are read.
  const listener = new Client(settings);
  await listener.connect();
  await listener.query("LISTEN notes");

  const registry = createRegistry<Events>({
    source: (topic, { signal }) =>
      poll({
        signal,
        interval,
        cursor: 0,
        async read(after: number) {
          const query = "SELECT id, text FROM notes WHERE topic = $1 AND id > $2 ORDER BY id";
          const { rows } = await pool.query<Note>(query, [topic, after]);
          const events = rows.map(({ text }) => ({ event: "note" as const, data: text }));
          return { events, cursor: rows.at(-1)?.id ?? after };
        },
        wake(now) {
          const onNotification = ({ payload }: Notification): void => {
            if (payload === topic) now();
          };
          listener.on("notification", onNotification);
          return () => void listener.off("notification", onNotification);
        },
      }),
  });

  return {
    registry,
    async add(topic, text) {
      await pool.query("INSERT INTO notes (topic, text) VALUES ($1, $2)", [topic, text]);
    },
    async close() {
      await registry.close();
      await Promise.all([listener.end(), pool.end()]);
    },
  };
}
