CREATE SCHEMA IF NOT EXISTS holdfast;
CREATE TABLE holdfast.settings (name text PRIMARY KEY, value text NOT NULL);
CREATE SEQUENCE holdfast.life;
CREATE TABLE holdfast.streams (
  id text COLLATE "C" PRIMARY KEY, stream bigint, kind text NOT NULL DEFAULT 'stream', epoch text NOT NULL DEFAULT '',
  joints jsonb NOT NULL DEFAULT '[]', fence bigint NOT NULL DEFAULT 0, first bigint NOT NULL DEFAULT 1,
  last bigint NOT NULL DEFAULT 0, keep bigint NOT NULL DEFAULT 1, lease_until bigint NOT NULL DEFAULT 0,
  ttl bigint NOT NULL DEFAULT 0, expires_at bigint NOT NULL DEFAULT 0, sweep_at bigint NOT NULL DEFAULT 0,
  retry_window bigint NOT NULL DEFAULT 0, error text, end_status text, end_error text, cancel_reason text, cancel_grace bigint
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX streams_sweep_at ON holdfast.streams (sweep_at);
CREATE TABLE holdfast.frames (stream bigint, seq bigint, frame bytea NOT NULL, PRIMARY KEY (stream, seq))
  WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE holdfast.batches (stream bigint, producer text COLLATE "C", number bigint NOT NULL,
  PRIMARY KEY (stream, producer)) WITH (fillfactor = 70);
CREATE TABLE holdfast.retired (stream bigint PRIMARY KEY);

CREATE SEQUENCE holdfast.batch;
CREATE SEQUENCE holdfast.commit_order;
CREATE TABLE holdfast.outbox (batch bigint, id text COLLATE "C", n bigint GENERATED ALWAYS AS IDENTITY,
  frame bytea NOT NULL, pushed_at bigint NOT NULL, PRIMARY KEY (batch, id, n)) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE holdfast.commits (n bigint PRIMARY KEY, batch bigint NOT NULL, id text COLLATE "C" NOT NULL)
  WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX commits_id ON holdfast.commits (id, n);

INSERT INTO holdfast.settings VALUES ('layout', '1');

CREATE OR REPLACE FUNCTION holdfast.now_ms() RETURNS bigint LANGUAGE sql AS $$
  SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint
$$;

CREATE OR REPLACE FUNCTION holdfast.open(p_id text, p_kind text, p_epoch text, p_lease bigint, p_ttl bigint, p_keep bigint,
  p_if_exists text, p_lapsed bigint, p_window bigint, p_restore bigint, p_restore_last bigint, p_joints jsonb)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  s holdfast.streams;
  v_now bigint;
  v_alive boolean;
  v_action text;
BEGIN
  LOOP
    INSERT INTO holdfast.streams (id) VALUES (p_id) ON CONFLICT DO NOTHING;
    SELECT * INTO s FROM holdfast.streams WHERE id = p_id FOR UPDATE;
    EXIT WHEN FOUND;
  END LOOP;
  v_now := holdfast.now_ms();
  v_alive := s.expires_at > v_now;
  v_action := CASE
    WHEN NOT v_alive THEN 'create'
    WHEN p_restore IS NOT NULL THEN CASE
      WHEN s.kind <> p_kind OR s.epoch <> p_epoch OR s.fence > p_restore OR s.end_status IS NOT NULL THEN 'refuse'
      WHEN s.fence = p_restore AND s.last >= p_restore_last THEN 'grant'
      ELSE 'restore' END
    WHEN s.end_status IS NOT NULL THEN CASE
      WHEN s.epoch = p_epoch THEN 'refuse'
      WHEN (p_if_exists = 'append' OR p_lapsed IS NOT NULL) AND s.end_status IN ('done', 'cancelled') THEN 'refuse'
      ELSE 'create' END
    WHEN s.kind <> p_kind THEN 'refuse'
    WHEN p_kind = 'channel' OR s.epoch = p_epoch THEN 'grant'
    WHEN p_if_exists = 'throw' THEN 'refuse'
    WHEN p_lapsed IS NOT NULL AND (s.fence <> p_lapsed OR s.lease_until > v_now) THEN 'refuse'
    WHEN p_if_exists = 'replace' THEN 'create'
    ELSE 'continue' END;

  IF v_action IN ('create', 'restore') THEN
    IF s.stream IS NOT NULL THEN INSERT INTO holdfast.retired VALUES (s.stream); END IF;
    s.fence := CASE WHEN p_restore IS NOT NULL THEN p_restore WHEN p_kind = 'channel' THEN 0
      WHEN v_alive THEN s.fence + 1 ELSE 1 END;
    s.last := CASE WHEN p_restore IS NULL THEN 0 ELSE p_restore_last END;
    s.joints := CASE WHEN p_restore IS NULL THEN '[]' ELSE p_joints END;
    s.stream := nextval('holdfast.life');
    s.first := s.last + 1;
    s.kind := p_kind;
    s.epoch := p_epoch;
    s.end_status := NULL;
    s.end_error := NULL;
    IF v_action = 'create' THEN
      s.cancel_reason := NULL;
      s.cancel_grace := NULL;
    END IF;
  ELSIF v_action = 'continue' THEN
    s.joints := s.joints || jsonb_build_object('epoch', s.epoch, 'last', s.last);
    IF jsonb_array_length(s.joints) > 8 THEN s.joints := s.joints - 0; END IF;
    s.epoch := p_epoch;
    s.fence := s.fence + 1;
  END IF;
  IF v_action <> 'refuse' THEN
    s.keep := p_keep;
    s.ttl := p_ttl;
    s.lease_until := v_now + p_lease;
    s.expires_at := v_now + p_ttl;
    s.retry_window := p_window;
    s.error := NULL;
    UPDATE holdfast.streams SET stream = s.stream, kind = s.kind, epoch = s.epoch, joints = s.joints, fence = s.fence,
      first = s.first, last = s.last, keep = s.keep, lease_until = s.lease_until, ttl = s.ttl, expires_at = s.expires_at,
      sweep_at = s.expires_at, retry_window = s.retry_window, error = NULL, end_status = s.end_status,
      end_error = s.end_error, cancel_reason = s.cancel_reason, cancel_grace = s.cancel_grace WHERE id = p_id;
  END IF;
  RETURN json_build_object('now', v_now, 'granted', v_action <> 'refuse', 'news', v_action NOT IN ('refuse', 'grant'),
    'head', s);
END $$;

CREATE OR REPLACE FUNCTION holdfast.append(p_id text, p_epoch text, p_fence bigint, p_from bigint, p_bytes bytea, p_sizes int[],
  p_lease bigint, p_ttl bigint, p_end_status text, p_end_error text, p_producer text, p_batch bigint, p_window bigint,
  p_error text, p_synchronous text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  s holdfast.streams;
  v_now bigint;
  v_from bigint;
  v_count int := cardinality(p_sizes);
  v_skip bigint;
  v_first bigint;
BEGIN
  IF p_synchronous <> '' THEN PERFORM set_config('synchronous_commit', p_synchronous, true); END IF;
  SELECT * INTO s FROM holdfast.streams WHERE id = p_id FOR UPDATE;
  v_now := holdfast.now_ms();
  IF NOT FOUND OR s.expires_at <= v_now THEN RETURN '{"code":"missing"}'; END IF;
  IF s.epoch <> p_epoch OR s.fence <> p_fence THEN
    RETURN json_build_object('code', 'fenced', 'value', s.fence);
  END IF;
  v_from := coalesce(p_from, s.last + 1);
  IF s.end_status IS NOT NULL THEN
    IF p_end_status = s.end_status AND p_end_error IS NOT DISTINCT FROM s.end_error AND v_from + v_count - 1 <= s.last THEN
      RETURN json_build_object('code', 'ok', 'value', s.last);
    END IF;
    RETURN json_build_object('code', 'closed', 'head', s);
  END IF;
  IF v_from > s.last + 1 THEN RETURN json_build_object('code', 'gap', 'value', s.last + 1); END IF;

  v_skip := s.last + 1 - v_from;
  IF p_producer IS NOT NULL THEN
    INSERT INTO holdfast.batches AS b VALUES (s.stream, p_producer, p_batch)
      ON CONFLICT (stream, producer) DO UPDATE SET number = excluded.number WHERE b.number < excluded.number;
    IF NOT FOUND THEN v_skip := v_count; END IF;
  END IF;
  v_first := s.first;
  IF v_count > v_skip THEN
    s.last := v_from + v_count - 1;
    s.first := greatest(s.first, s.last + 1 - s.keep);
    INSERT INTO holdfast.frames
      SELECT s.stream, p.seq, substring(p_bytes FROM p.start + 1 FOR p.size)
      FROM (SELECT v_from + i - 1 AS seq, size, (sum(size) OVER (ORDER BY i) - size)::int AS start
        FROM unnest(p_sizes) WITH ORDINALITY AS u (size, i)) AS p
      WHERE p.seq >= v_from + v_skip AND p.seq >= s.first;
  END IF;
  -- A page begins behind first: the rows before it may go later, many at once.
  IF s.first / 64 > v_first / 64 THEN DELETE FROM holdfast.frames WHERE stream = s.stream AND seq < s.first; END IF;
  UPDATE holdfast.streams SET first = s.first, last = s.last, ttl = p_ttl, expires_at = v_now + p_ttl,
    lease_until = CASE WHEN p_window IS NULL THEN v_now + p_lease ELSE v_now END,
    retry_window = coalesce(p_window, retry_window), error = p_error, end_status = p_end_status, end_error = p_end_error
    WHERE id = p_id;
  RETURN json_build_object('code', 'ok', 'value', s.last, 'cancel', s.cancel_reason, 'grace', s.cancel_grace,
    'news', v_count > v_skip OR p_end_status IS NOT NULL OR p_window IS NOT NULL);
END $$;

-- STABLE: all of it sees one snapshot, so that the page belongs to the head.
CREATE OR REPLACE FUNCTION holdfast.read(p_id text, p_seq bigint, p_frames bigint, p_bytes bigint,
  OUT head text, OUT now text, OUT start text, OUT stop text, OUT sizes text, OUT frames text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  s holdfast.streams;
  v_start bigint;
BEGIN
  now := holdfast.now_ms();
  SELECT * INTO s FROM holdfast.streams WHERE id = p_id;
  IF NOT FOUND THEN RETURN; END IF;
  head := row_to_json(s);
  v_start := greatest(p_seq + 1, s.first);
  SELECT min(g.seq), max(g.seq), string_agg(octet_length(g.frame)::text, ',' ORDER BY g.seq),
    encode(string_agg(g.frame, '' ORDER BY g.seq), 'base64') INTO start, stop, sizes, frames
  FROM (SELECT f.seq, f.frame, sum(octet_length(f.frame)) OVER (ORDER BY f.seq) AS total
    FROM (SELECT r.seq, r.frame FROM holdfast.frames AS r WHERE r.stream = s.stream AND r.seq >= v_start
      ORDER BY r.seq LIMIT p_frames) AS f) AS g
  WHERE g.total <= p_bytes OR g.seq = v_start;
END $$;

CREATE OR REPLACE FUNCTION holdfast.cancel(p_id text, p_reason text, p_grace bigint) RETURNS boolean LANGUAGE sql AS $$
  UPDATE holdfast.streams SET cancel_grace = CASE WHEN cancel_reason IS NULL THEN p_grace ELSE cancel_grace END,
    cancel_reason = coalesce(cancel_reason, p_reason)
  WHERE id = p_id AND expires_at > holdfast.now_ms() AND kind = 'stream' AND end_status IS NULL RETURNING true
$$;

CREATE OR REPLACE FUNCTION holdfast.lost(p_id text, p_fence bigint, p_status text, p_error text)
RETURNS boolean LANGUAGE sql AS $$
  UPDATE holdfast.streams SET end_status = p_status, end_error = p_error
  WHERE id = p_id AND expires_at > holdfast.now_ms() AND kind = 'stream' AND end_status IS NULL AND fence = p_fence
    AND lease_until + retry_window <= holdfast.now_ms() RETURNING true
$$;

CREATE OR REPLACE FUNCTION holdfast.forget(p_id text) RETURNS boolean LANGUAGE sql AS $$
  WITH gone AS (DELETE FROM holdfast.streams WHERE id = p_id RETURNING stream)
  INSERT INTO holdfast.retired SELECT stream FROM gone RETURNING true
$$;

CREATE OR REPLACE FUNCTION holdfast.marker(p_fresh text) RETURNS text LANGUAGE sql AS $$
  INSERT INTO holdfast.settings AS s VALUES ('marker', p_fresh) ON CONFLICT (name) DO UPDATE SET value = s.value
  RETURNING value
$$;

CREATE OR REPLACE FUNCTION holdfast.push(channel text, event text, data text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_id text := replace(replace(replace(channel, '%', '%25'), '{', '%7b'), '}', '%7d');
  v_pending text := coalesce(current_setting('holdfast.pending', true), '');
  v_batch bigint;
BEGIN
  -- U+10000 and above count twice, as in JavaScript.
  IF channel IS NULL OR channel = '' OR channel ~ '[\u0001-\u001f\u007f-\u009f]'
    OR length(channel) + length(regexp_replace(channel, '[^\U00010000-\U0010ffff]', '', 'g')) > 256 THEN
    RAISE EXCEPTION 'A channel is a text of 1 to 256 characters without control characters.' USING ERRCODE = '22023';
  END IF;
  IF event ~ '[\r\n]' THEN
    RAISE EXCEPTION 'The name of an event must not contain CR or LF.' USING ERRCODE = '22023';
  END IF;
  IF event LIKE 'stream.%' THEN
    RAISE EXCEPTION 'Event names that begin with "stream." are reserved.' USING ERRCODE = '22023';
  END IF;
  IF data IS NULL THEN RAISE EXCEPTION 'The data of an event must not be null.' USING ERRCODE = '22004'; END IF;
  IF octet_length(data) > 1048576 THEN
    RAISE EXCEPTION 'The data of an event has at most 1048576 bytes.' USING ERRCODE = '22023';
  END IF;

  IF v_pending = '' THEN v_pending := nextval('holdfast.batch') || E'\n'; END IF;
  v_batch := split_part(v_pending, E'\n', 1);
  IF position(E'\n' || v_id || E'\n' IN v_pending) = 0 THEN
    PERFORM set_config('holdfast.pending', v_pending || v_id || E'\n', true);
  END IF;
  INSERT INTO holdfast.outbox (batch, id, frame, pushed_at) VALUES (v_batch, v_id,
    convert_to(coalesce('event: ' || event || E'\n', '') || 'data: '
      || regexp_replace(data, '\r\n|\r|\n', E'\ndata: ', 'g') || E'\n\n', 'UTF8'), holdfast.now_ms());
END $$;

-- Runs once for each row, and does its work for the first of a batch.
CREATE OR REPLACE FUNCTION holdfast.number_pushes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_pending text := coalesce(current_setting('holdfast.pending', true), '');
  v_ids text[];
  v_lock int;
BEGIN
  IF v_pending = '' THEN RETURN NULL; END IF;
  PERFORM set_config('holdfast.pending', '', true);
  v_ids := string_to_array(rtrim(v_pending, E'\n'), E'\n');
  FOR v_lock IN SELECT DISTINCT hashtext(id) & 1023 FROM unnest(v_ids[2:]) AS u (id) ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock(hashtext('holdfast.push'), v_lock);
  END LOOP;
  INSERT INTO holdfast.commits
    SELECT nextval('holdfast.commit_order'), v_ids[1]::bigint, id FROM unnest(v_ids[2:]) AS u (id);
  IF current_setting('holdfast.notify', true) = 'on' THEN PERFORM pg_notify('holdfast_outbox', ''); END IF;
  RETURN NULL;
END $$;
-- Returns the ids of the channels that have got frames. A live stream's id gets none: they wait until it is gone.
CREATE OR REPLACE FUNCTION holdfast.drain() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  s holdfast.streams;
  v record;
  v_now bigint;
  v_first bigint;
  v_count bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM holdfast.commits) THEN RETURN; END IF;
  IF NOT pg_try_advisory_xact_lock(hashtext('holdfast.drain'), 0) THEN RETURN; END IF;
  FOR v IN SELECT c.id, max(c.n) AS n FROM (SELECT k.id, k.n FROM holdfast.commits AS k
      LEFT JOIN holdfast.streams AS t ON t.id = k.id AND t.kind = 'stream' AND t.expires_at > holdfast.now_ms()
      WHERE t.id IS NULL ORDER BY k.n LIMIT 1000) AS c GROUP BY c.id ORDER BY c.id LOOP
    INSERT INTO holdfast.streams (id, kind) VALUES (v.id, 'channel') ON CONFLICT DO NOTHING;
    SELECT * INTO s FROM holdfast.streams WHERE id = v.id FOR UPDATE;
    CONTINUE WHEN NOT FOUND;
    v_now := holdfast.now_ms();
    IF s.expires_at <= v_now THEN
      IF s.stream IS NOT NULL THEN INSERT INTO holdfast.retired VALUES (s.stream); END IF;
      s.stream := nextval('holdfast.life');
      s.epoch := substr(md5(random()::text || clock_timestamp()::text), 1, 10);
      s.last := 0;
      s.first := 1;
      s.keep := 65536;
      s.ttl := 3600000;
      UPDATE holdfast.streams SET stream = s.stream, kind = 'channel', epoch = s.epoch, joints = '[]', fence = 0, first = 1,
        keep = s.keep, ttl = s.ttl, retry_window = 0, error = NULL, end_status = NULL, end_error = NULL, cancel_reason = NULL, cancel_grace = NULL,
        sweep_at = v_now + s.ttl WHERE id = v.id;
    ELSIF s.kind <> 'channel' THEN
      CONTINUE;
    END IF;
    INSERT INTO holdfast.frames SELECT s.stream, s.last + row_number() OVER (ORDER BY c.n, o.n), o.frame
      FROM holdfast.commits AS c JOIN holdfast.outbox AS o ON o.batch = c.batch AND o.id = c.id WHERE c.id = v.id AND c.n <= v.n;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    DELETE FROM holdfast.outbox AS o USING holdfast.commits AS c
      WHERE c.id = v.id AND c.n <= v.n AND o.batch = c.batch AND o.id = c.id;
    DELETE FROM holdfast.commits WHERE id = v.id AND n <= v.n;
    s.last := s.last + v_count;
    v_first := greatest(s.first, s.last + 1 - s.keep);
    IF v_first / 64 > s.first / 64 THEN DELETE FROM holdfast.frames WHERE stream = s.stream AND seq < v_first; END IF;
    UPDATE holdfast.streams SET first = v_first, last = s.last, expires_at = v_now + s.ttl WHERE id = v.id;
    RETURN NEXT v.id;
  END LOOP;
END $$;

-- Removes some of what is expired, and returns how many frames. Not beside drain: both lock several rows.
CREATE OR REPLACE FUNCTION holdfast.sweep() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_now bigint := holdfast.now_ms();
  v_stream bigint;
  v_rest bigint := 1000;
  v_count bigint;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('holdfast.drain'), 0) THEN RETURN 0; END IF;
  UPDATE holdfast.streams SET sweep_at = expires_at WHERE id IN (SELECT id FROM holdfast.streams
    WHERE sweep_at <= v_now AND expires_at > v_now ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED);
  WITH gone AS (DELETE FROM holdfast.streams WHERE id IN (SELECT id FROM holdfast.streams
    WHERE sweep_at <= v_now AND expires_at <= v_now ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING stream)
    INSERT INTO holdfast.retired SELECT stream FROM gone WHERE stream IS NOT NULL;
  FOR v_stream IN SELECT stream FROM holdfast.retired ORDER BY stream LIMIT 1000 LOOP
    DELETE FROM holdfast.frames WHERE stream = v_stream AND seq < (SELECT min(seq) FROM holdfast.frames
      WHERE stream = v_stream) + v_rest;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_rest := v_rest - v_count;
    EXIT WHEN v_rest <= 0;
    DELETE FROM holdfast.batches WHERE stream = v_stream;
    DELETE FROM holdfast.retired WHERE stream = v_stream;
  END LOOP;
  WITH gone AS (DELETE FROM holdfast.outbox WHERE pushed_at < v_now - 86400000 RETURNING batch, id)
    DELETE FROM holdfast.commits AS c USING gone WHERE c.batch = gone.batch AND c.id = gone.id;
  RETURN 1000 - v_rest;
END $$;

CREATE CONSTRAINT TRIGGER number_pushes AFTER INSERT ON holdfast.outbox DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION holdfast.number_pushes();
