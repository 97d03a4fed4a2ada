/** The version of the layout: the tables, and what is in them. See docs/versions.md. */
export const LAYOUT = 1;

/*
 * `streams` has one row for each id, and `stream` numbers its lives: a new life takes a new number and leaves the old one to
 * the sweeper, in `retired`. `sweep_at` is not updated with `expires_at`, so that an append changes no index: the sweeper
 * corrects it. Texts that clients chose (errors, reasons) are JSON in a `text`, since Postgres stores no NUL.
 *
 * `outbox` has what was pushed in transactions, and `commits` one row for each channel of each of these transactions, whose
 * numbers were drawn in the order of the commits.
 *
 * The columns that `addedColumns` adds came later. An earlier version neither reads nor writes them: `counted` is the life to which
 * `bytes` and `offsets` belong.
 */
export const tables = (schema: string): string => `
CREATE SCHEMA IF NOT EXISTS ${schema};
CREATE TABLE ${schema}.settings (name text PRIMARY KEY, value text NOT NULL);
CREATE SEQUENCE ${schema}.life;
CREATE TABLE ${schema}.streams (
  id text COLLATE "C" PRIMARY KEY, stream bigint, kind text NOT NULL DEFAULT 'stream', epoch text NOT NULL DEFAULT '',
  joints jsonb NOT NULL DEFAULT '[]', fence bigint NOT NULL DEFAULT 0, first bigint NOT NULL DEFAULT 1,
  last bigint NOT NULL DEFAULT 0, keep bigint NOT NULL DEFAULT 1, lease_until bigint NOT NULL DEFAULT 0,
  ttl bigint NOT NULL DEFAULT 0, expires_at bigint NOT NULL DEFAULT 0, sweep_at bigint NOT NULL DEFAULT 0,
  retry_window bigint NOT NULL DEFAULT 0, error text, end_status text, end_error text, cancel_reason text, cancel_grace bigint
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX streams_sweep_at ON ${schema}.streams (sweep_at);
CREATE TABLE ${schema}.frames (stream bigint, seq bigint, frame bytea NOT NULL, PRIMARY KEY (stream, seq))
  WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE ${schema}.batches (stream bigint, producer text COLLATE "C", number bigint NOT NULL,
  PRIMARY KEY (stream, producer)) WITH (fillfactor = 70);
CREATE TABLE ${schema}.retired (stream bigint PRIMARY KEY);

CREATE SEQUENCE ${schema}.batch;
CREATE SEQUENCE ${schema}.commit_order;
CREATE TABLE ${schema}.outbox (batch bigint, id text COLLATE "C", n bigint GENERATED ALWAYS AS IDENTITY,
  frame bytea NOT NULL, pushed_at bigint NOT NULL, PRIMARY KEY (batch, id, n)) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE ${schema}.commits (n bigint PRIMARY KEY, batch bigint NOT NULL, id text COLLATE "C" NOT NULL)
  WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX commits_id ON ${schema}.commits (id, n);

${addedColumns(schema)}
INSERT INTO ${schema}.settings VALUES ('layout', '${LAYOUT}');
`;

/** Locks the table of the streams for a moment, and only where the columns are missing. */
export const addedColumns = (schema: string): string => `
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = '${schema}.streams'::regclass AND attname = 'offsets') THEN
    ALTER TABLE ${schema}.streams ADD COLUMN keep_bytes bigint, ADD COLUMN counted bigint,
      ADD COLUMN bytes bigint NOT NULL DEFAULT 0, ADD COLUMN offsets jsonb NOT NULL DEFAULT '[]';
  END IF;
END $$;
`;
