/** What a channel keeps that only transactions have pushed to: a registry that opens it sets its own limits. */
const KEEP = 65_536;
const KEEP_BYTES = 8_388_608;
const TTL = 3_600_000;
/** How many bytes an event has at most as a client gets it, so that it is below the limit of every client. */
const MAX_FRAME = 1_048_576;
/** How many frames one drain moves, so that it takes a moment; and how many of each channel at least. */
const DRAIN_FRAMES = 5_000;
const CHANNEL_FRAMES = 5;
/** How long pushed events wait for a process that moves them, in ms. */
const OUTBOX_TTL = 24 * 3_600_000;

/** What `drain` sets where it has done nothing, since another process was at it. */
export const DRAIN_IS_LOCKED = "locked";

/** The channel of `NOTIFY` that tells of commits. */
export const outboxChannel = (schema: string): string => `${schema}_outbox`;

/*
 * `push` only inserts into the outbox. A deferred trigger runs at the commit: it takes the locks of the transaction's channels,
 * which are held until the commit is visible, and only then draws the numbers: so the numbers of a channel rise in the order of
 * the commits. `drain` moves what is visible into the frames of the channels. Nobody waits for anything but other commits to
 * the same channels, for as long as these take.
 *
 * The transaction keeps the names of its channels in a setting, not in a table: a serializable transaction must read no rows
 * that others write. The first line of the setting has the batch that has no numbers yet, or nothing, and the first batch of the
 * transaction: what was pushed before somebody reset the setting is of an earlier one, and the transaction fails. There are 1,024
 * locks, so that one transaction cannot exhaust the memory for locks, and they are taken in one order, so that commits cannot
 * deadlock.
 */
export const outboxFunctions = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.push(channel text, event text, data text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_id text := replace(replace(replace(channel, '%', '%25'), '{', '%7b'), '}', '%7d');
  v_pending text := coalesce(current_setting('${schema}.pending', true), '');
  v_batch bigint;
  v_frame bytea := convert_to(coalesce('event: ' || event || E'\\n', '') || 'data: '
    || regexp_replace(data, '\\r\\n|\\r|\\n', E'\\ndata: ', 'g') || E'\\n\\n', 'UTF8');
BEGIN
  -- U+10000 and above count twice, as in JavaScript.
  IF channel IS NULL OR channel = '' OR channel ~ '[\\u0001-\\u001f\\u007f-\\u009f]'
    OR length(channel) + length(regexp_replace(channel, '[^\\U00010000-\\U0010ffff]', '', 'g')) > 256 THEN
    RAISE EXCEPTION 'A channel is a text of 1 to 256 characters without control characters.' USING ERRCODE = '22023';
  END IF;
  IF event ~ '[\\r\\n]' THEN
    RAISE EXCEPTION 'The name of an event must not contain CR or LF.' USING ERRCODE = '22023';
  END IF;
  IF event LIKE 'stream.%' THEN
    RAISE EXCEPTION 'Event names that begin with "stream." are reserved.' USING ERRCODE = '22023';
  END IF;
  IF data IS NULL THEN RAISE EXCEPTION 'The data of an event must not be null.' USING ERRCODE = '22004'; END IF;
  IF octet_length(v_frame) > ${MAX_FRAME} THEN
    RAISE EXCEPTION 'An event has at most ${MAX_FRAME} bytes, with its name and "data: " before each line.' USING ERRCODE = '22023';
  END IF;

  v_batch := nullif(split_part(split_part(v_pending, E'\\n', 1), ' ', 1), '');
  IF v_batch IS NULL THEN
    v_batch := nextval('${schema}.batch');
    v_pending := v_batch || ' ' || coalesce(nullif(trim(v_pending), ''), v_batch::text) || E'\\n';
  END IF;
  IF position(E'\\n' || v_id || E'\\n' IN v_pending) = 0 THEN
    PERFORM set_config('${schema}.pending', v_pending || v_id || E'\\n', true);
  END IF;
  INSERT INTO ${schema}.outbox (batch, id, frame, pushed_at) VALUES (v_batch, v_id, v_frame, ${schema}.now_ms());
END $$;

-- Runs once for each row, and does its work for the first of a batch.
CREATE OR REPLACE FUNCTION ${schema}.number_pushes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_pending text := coalesce(current_setting('${schema}.pending', true), '');
  v_ids text[] := string_to_array(rtrim(v_pending, E'\\n'), E'\\n');
  v_batch bigint := nullif(split_part(v_ids[1], ' ', 1), '');
  v_first bigint := coalesce(nullif(split_part(v_ids[1], ' ', 2), '')::bigint, v_batch);
  v_lock int;
BEGIN
  IF v_first IS NULL OR NEW.batch < v_first THEN
    RAISE EXCEPTION 'The setting ${schema}.pending was reset behind a push, as RESET ALL does.' USING ERRCODE = '55000';
  END IF;
  IF v_batch IS NULL OR NEW.batch < v_batch THEN RETURN NULL; END IF;
  PERFORM set_config('${schema}.pending', ' ' || v_first, true);
  FOR v_lock IN SELECT DISTINCT hashtext(id) & 1023 FROM unnest(v_ids[2:]) AS u (id) ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(hashtext('${schema}.push'), v_lock);
  END LOOP;
  INSERT INTO ${schema}.commits
    SELECT nextval('${schema}.commit_order'), v_batch, id FROM unnest(v_ids[2:]) AS u (id);
  IF current_setting('${schema}.notify', true) = 'on' THEN PERFORM pg_notify('${outboxChannel(schema)}', ''); END IF;
  RETURN NULL;
END $$;

-- Returns the ids of the channels that have got frames. A live stream's id gets none: they wait until it is gone. A channel that
-- fails is left out, and the setting drain_error names one of these. It also says if somebody else drains.
CREATE OR REPLACE FUNCTION ${schema}.drain() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  v_failed text[] := '{}';
  v_failures int;
  v_rest bigint := ${DRAIN_FRAMES};
  v_count bigint;
  v record;
BEGIN
  IF NOT EXISTS (SELECT FROM ${schema}.commits) THEN RETURN; END IF;
  IF NOT pg_try_advisory_xact_lock(hashtext('${schema}.drain'), 0) THEN
    PERFORM set_config('${schema}.drain_error', '${DRAIN_IS_LOCKED}', true);
    RETURN;
  END IF;
  LOOP
    v_failures := cardinality(v_failed);
    FOR v IN SELECT c.id, max(c.n) AS n FROM (SELECT k.id, k.n FROM ${schema}.commits AS k
        LEFT JOIN ${schema}.streams AS t ON t.id = k.id AND t.kind = 'stream' AND t.expires_at > ${schema}.now_ms()
        WHERE t.id IS NULL AND k.id <> ALL (v_failed) ORDER BY k.n LIMIT 1000) AS c GROUP BY c.id ORDER BY c.id LOOP
      BEGIN
        v_count := ${schema}.drain_channel(v.id, v.n, greatest(v_rest, ${CHANNEL_FRAMES}));
        CONTINUE WHEN v_count IS NULL;
        v_rest := v_rest - v_count;
        RETURN NEXT v.id;
      EXCEPTION WHEN OTHERS THEN
        v_failed := v_failed || v.id;
        PERFORM set_config('${schema}.drain_error', format('%s: %s', to_json(v.id), SQLERRM), true);
      END;
    END LOOP;
    EXIT WHEN v_rest < ${DRAIN_FRAMES} OR cardinality(v_failed) = v_failures;
  END LOOP;
END $$;

-- Moves the first p_limit of what the commits up to p_n have pushed to a channel. Returns how many; NULL if it is none now.
CREATE OR REPLACE FUNCTION ${schema}.drain_channel(p_id text, p_n bigint, p_limit bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  s ${schema}.streams;
  v_now bigint;
  v_first bigint;
  v_count bigint;
  v_added bigint;
BEGIN
  INSERT INTO ${schema}.streams (id, kind) VALUES (p_id, 'channel') ON CONFLICT DO NOTHING;
  SELECT * INTO s FROM ${schema}.streams WHERE id = p_id FOR UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  v_now := ${schema}.now_ms();
  IF s.expires_at <= v_now THEN
    IF s.stream IS NOT NULL THEN INSERT INTO ${schema}.retired VALUES (s.stream); END IF;
    s.stream := nextval('${schema}.life');
    s.epoch := substr(md5(random()::text || clock_timestamp()::text), 1, 10);
    s.last := 0;
    s.first := 1;
    s.keep := ${KEEP};
    s.keep_bytes := ${KEEP_BYTES};
    s.ttl := ${TTL};
    UPDATE ${schema}.streams SET stream = s.stream, kind = 'channel', epoch = s.epoch, joints = '[]', fence = 0, first = 1,
      keep = s.keep, keep_bytes = s.keep_bytes, ttl = s.ttl, retry_window = 0, error = NULL, end_status = NULL, end_error = NULL, cancel_reason = NULL, cancel_grace = NULL,
      sweep_at = v_now + s.ttl WHERE id = p_id;
  ELSIF s.kind <> 'channel' THEN
    RETURN NULL;
  END IF;
  WITH next AS (SELECT c.n AS commit, o.batch, o.n, o.frame FROM ${schema}.commits AS c CROSS JOIN LATERAL
      (SELECT r.batch, r.n, r.frame FROM ${schema}.outbox AS r WHERE r.batch = c.batch AND r.id = p_id ORDER BY r.n LIMIT p_limit) AS o
      WHERE c.id = p_id AND c.n <= p_n ORDER BY c.n, o.n LIMIT p_limit),
    gone AS (DELETE FROM ${schema}.outbox AS o USING next WHERE o.batch = next.batch AND o.id = p_id AND o.n = next.n),
    moved AS (INSERT INTO ${schema}.frames SELECT s.stream, s.last + row_number() OVER (ORDER BY commit, n), frame FROM next
      RETURNING octet_length(frame) AS size)
    SELECT count(*), coalesce(sum(size), 0) INTO v_count, v_added FROM moved;
  DELETE FROM ${schema}.commits AS c WHERE c.id = p_id AND c.n <= p_n
    AND NOT EXISTS (SELECT FROM ${schema}.outbox AS o WHERE o.batch = c.batch AND o.id = p_id);
  s.last := s.last + v_count;
  v_first := s.first;
  s.first := greatest(s.first, s.last + 1 - s.keep);
  IF s.keep_bytes IS NOT NULL THEN s := ${schema}.limit_bytes(s, v_count, v_added); END IF;
  IF s.first / 64 > v_first / 64 THEN
    DELETE FROM ${schema}.frames WHERE stream = s.stream AND seq >= v_first / 64 * 64 AND seq < s.first;
  END IF;
  UPDATE ${schema}.streams SET first = s.first, last = s.last, counted = s.counted, bytes = s.bytes, offsets = s.offsets, expires_at = v_now + s.ttl WHERE id = p_id;
  RETURN v_count;
END $$;

-- Removes some of what is expired, and returns how many frames. Not beside drain: both lock several rows.
CREATE OR REPLACE FUNCTION ${schema}.sweep() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_now bigint := ${schema}.now_ms();
  v_stream bigint;
  v_rest bigint := 1000;
  v_count bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('${schema}.drain'), 0) THEN RETURN 0; END IF;
  UPDATE ${schema}.streams SET sweep_at = expires_at WHERE id IN (SELECT id FROM ${schema}.streams
    WHERE sweep_at <= v_now AND expires_at > v_now ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED);
  WITH gone AS (DELETE FROM ${schema}.streams WHERE id IN (SELECT id FROM ${schema}.streams
    WHERE sweep_at <= v_now AND expires_at <= v_now ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING stream)
    INSERT INTO ${schema}.retired SELECT stream FROM gone WHERE stream IS NOT NULL;
  FOR v_stream IN SELECT stream FROM ${schema}.retired ORDER BY stream LIMIT 1000 LOOP
    DELETE FROM ${schema}.frames WHERE stream = v_stream AND seq < (SELECT min(seq) FROM ${schema}.frames
      WHERE stream = v_stream) + v_rest;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_rest := v_rest - v_count;
    EXIT WHEN v_rest <= 0;
    DELETE FROM ${schema}.batches WHERE stream = v_stream;
    DELETE FROM ${schema}.retired WHERE stream = v_stream;
  END LOOP;
  WITH gone AS (DELETE FROM ${schema}.outbox WHERE pushed_at < v_now - ${OUTBOX_TTL} RETURNING batch, id)
    DELETE FROM ${schema}.commits AS c USING gone WHERE c.batch = gone.batch AND c.id = gone.id;
  RETURN 1000 - v_rest;
END $$;
`;

/** Creating it locks the outbox, also where it exists: only for a new schema. */
export const outboxTrigger = (schema: string): string => `
CREATE CONSTRAINT TRIGGER number_pushes AFTER INSERT ON ${schema}.outbox DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION ${schema}.number_pushes();
`;
