/*
 * The rules of core's store-kit in SQL, so that a call is one round trip, and the time is that of the server. The store suite
 * and random histories compare the two. Every function that writes locks one row of `streams` and none else, so that calls
 * cannot deadlock. Results are JSON, which no type parser of the service's changes.
 */
export const storeFunctions = (schema: string): string => `
CREATE OR REPLACE FUNCTION ${schema}.now_ms() RETURNS bigint LANGUAGE sql AS $$
  SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint
$$;

CREATE OR REPLACE FUNCTION ${schema}.open(p_id text, p_kind text, p_epoch text, p_lease bigint, p_ttl bigint, p_keep bigint,
  p_if_exists text, p_lapsed bigint, p_window bigint, p_restore bigint, p_restore_last bigint, p_joints jsonb, p_keep_bytes bigint)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  s ${schema}.streams;
  v_now bigint;
  v_alive boolean;
  v_action text;
BEGIN
  LOOP
    INSERT INTO ${schema}.streams (id) VALUES (p_id) ON CONFLICT DO NOTHING;
    SELECT * INTO s FROM ${schema}.streams WHERE id = p_id FOR UPDATE;
    EXIT WHEN FOUND;
  END LOOP;
  v_now := ${schema}.now_ms();
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
    IF s.stream IS NOT NULL THEN INSERT INTO ${schema}.retired VALUES (s.stream); END IF;
    s.fence := CASE WHEN p_restore IS NOT NULL THEN p_restore WHEN p_kind = 'channel' THEN 0
      WHEN v_alive THEN s.fence + 1 ELSE 1 END;
    s.last := CASE WHEN p_restore IS NULL THEN 0 ELSE p_restore_last END;
    s.joints := CASE WHEN p_restore IS NULL THEN '[]' ELSE p_joints END;
    s.stream := nextval('${schema}.life');
    s.first := s.last + 1;
    s.kind := p_kind;
    s.epoch := p_epoch;
    s.end_status := NULL;
    s.end_error := NULL;
    s.keep_bytes := NULL;
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
    s.keep_bytes := coalesce(p_keep_bytes, s.keep_bytes);
    s.ttl := p_ttl;
    s.lease_until := v_now + p_lease;
    s.expires_at := v_now + p_ttl;
    s.retry_window := p_window;
    s.error := NULL;
    UPDATE ${schema}.streams SET stream = s.stream, kind = s.kind, epoch = s.epoch, joints = s.joints, fence = s.fence,
      first = s.first, last = s.last, keep = s.keep, keep_bytes = s.keep_bytes, lease_until = s.lease_until, ttl = s.ttl,
      expires_at = s.expires_at, sweep_at = s.expires_at, retry_window = s.retry_window, error = NULL, end_status = s.end_status,
      end_error = s.end_error, cancel_reason = s.cancel_reason, cancel_grace = s.cancel_grace WHERE id = p_id;
  END IF;
  RETURN json_build_object('now', v_now, 'granted', v_action <> 'refuse', 'news', v_action NOT IN ('refuse', 'grant'),
    'head', s);
END $$;

-- Processes of versions before there was keep_bytes call it without that.
CREATE OR REPLACE FUNCTION ${schema}.open(p_id text, p_kind text, p_epoch text, p_lease bigint, p_ttl bigint, p_keep bigint,
  p_if_exists text, p_lapsed bigint, p_window bigint, p_restore bigint, p_restore_last bigint, p_joints jsonb)
RETURNS text LANGUAGE sql AS $$
  SELECT ${schema}.open($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL)
$$;

-- The rule limitBytes of core's store-kit, for the newest p_count frames, which have p_added bytes. A large stream of a version
-- before there was keep_bytes is trimmed 10,000 frames at a time.
CREATE OR REPLACE FUNCTION ${schema}.limit_bytes(INOUT s ${schema}.streams, p_count bigint, p_added bigint) LANGUAGE plpgsql AS $$
DECLARE
  v_part bigint := (s.keep_bytes + 15) / 16;
  v_first bigint;
BEGIN
  IF s.counted IS DISTINCT FROM s.stream THEN
    s.counted := s.stream;
    s.bytes := 0;
    s.offsets := '[]';
  END IF;
  s.bytes := s.bytes + p_added;
  IF s.bytes / v_part = (s.bytes - p_added) / v_part THEN RETURN; END IF;

  s.offsets := s.offsets || (SELECT coalesce(jsonb_agg(jsonb_build_array(f.seq + 1, f.stop) ORDER BY f.seq), '[]')
    FROM (SELECT r.seq, octet_length(r.frame) AS size,
        s.bytes - sum(octet_length(r.frame)) OVER (ORDER BY r.seq DESC) + octet_length(r.frame) AS stop
      FROM ${schema}.frames AS r WHERE r.stream = s.stream AND r.seq > s.last - p_count) AS f
    WHERE f.stop / v_part > (f.stop - f.size) / v_part);
  SELECT coalesce(max((o->>0)::bigint), s.first) INTO v_first FROM jsonb_array_elements(s.offsets) AS o
    WHERE s.bytes - (o->>1)::bigint >= s.keep_bytes;
  s.first := greatest(s.first, least(v_first, s.first + greatest(10000, s.keep / 16)));
  s.offsets := (SELECT coalesce(jsonb_agg(o ORDER BY (o->>0)::bigint), '[]') FROM jsonb_array_elements(s.offsets) AS o
    WHERE (o->>0)::bigint > s.first);
END $$;

CREATE OR REPLACE FUNCTION ${schema}.append(p_id text, p_epoch text, p_fence bigint, p_from bigint, p_bytes bytea, p_sizes int[],
  p_lease bigint, p_ttl bigint, p_end_status text, p_end_error text, p_producer text, p_batch bigint, p_window bigint,
  p_error text, p_synchronous text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  s ${schema}.streams;
  v_now bigint;
  v_from bigint;
  v_count int := cardinality(p_sizes);
  v_skip bigint;
  v_first bigint;
  v_added bigint;
BEGIN
  IF p_synchronous <> '' THEN PERFORM set_config('synchronous_commit', p_synchronous, true); END IF;
  SELECT * INTO s FROM ${schema}.streams WHERE id = p_id FOR UPDATE;
  v_now := ${schema}.now_ms();
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
    INSERT INTO ${schema}.batches AS b VALUES (s.stream, p_producer, p_batch)
      ON CONFLICT (stream, producer) DO UPDATE SET number = excluded.number WHERE b.number < excluded.number;
    IF NOT FOUND THEN v_skip := v_count; END IF;
  END IF;
  v_first := s.first;
  IF v_count > v_skip THEN
    s.last := v_from + v_count - 1;
    s.first := greatest(s.first, s.last + 1 - s.keep);
    INSERT INTO ${schema}.frames
      SELECT s.stream, p.seq, substring(p_bytes FROM p.start + 1 FOR p.size)
      FROM (SELECT v_from + i - 1 AS seq, size, (sum(size) OVER (ORDER BY i) - size)::int AS start
        FROM unnest(p_sizes) WITH ORDINALITY AS u (size, i)) AS p
      WHERE p.seq >= v_from + v_skip AND p.seq >= s.first;
    IF s.keep_bytes IS NOT NULL THEN
      v_added := CASE v_skip WHEN 0 THEN octet_length(p_bytes) ELSE (SELECT sum(size) FROM unnest(p_sizes[v_skip + 1:]) AS u (size)) END;
      s := ${schema}.limit_bytes(s, v_count - v_skip, v_added);
    END IF;
  END IF;
  -- A page begins behind first: the rows before it may go later, many at once.
  IF s.first / 64 > v_first / 64 THEN
    DELETE FROM ${schema}.frames WHERE stream = s.stream AND seq >= v_first / 64 * 64 AND seq < s.first;
  END IF;
  UPDATE ${schema}.streams SET first = s.first, last = s.last, counted = s.counted, bytes = s.bytes, offsets = s.offsets,
    ttl = p_ttl, expires_at = v_now + p_ttl,
    lease_until = CASE WHEN p_window IS NULL THEN v_now + p_lease ELSE v_now END,
    retry_window = coalesce(p_window, retry_window), error = p_error, end_status = p_end_status, end_error = p_end_error
    WHERE id = p_id;
  RETURN json_build_object('code', 'ok', 'value', s.last, 'cancel', s.cancel_reason, 'grace', s.cancel_grace,
    'news', v_count > v_skip OR p_end_status IS NOT NULL OR p_window IS NOT NULL);
END $$;

-- STABLE: all of it sees one snapshot, so that the page belongs to the head.
CREATE OR REPLACE FUNCTION ${schema}.read(p_id text, p_seq bigint, p_frames bigint, p_bytes bigint,
  OUT head text, OUT now text, OUT start text, OUT stop text, OUT sizes text, OUT frames text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  s ${schema}.streams;
  v_start bigint;
BEGIN
  now := ${schema}.now_ms();
  SELECT * INTO s FROM ${schema}.streams WHERE id = p_id;
  IF NOT FOUND THEN RETURN; END IF;
  head := row_to_json(s);
  v_start := greatest(p_seq + 1, s.first);
  SELECT min(g.seq), max(g.seq), string_agg(octet_length(g.frame)::text, ',' ORDER BY g.seq),
    encode(string_agg(g.frame, '' ORDER BY g.seq), 'base64') INTO start, stop, sizes, frames
  FROM (SELECT f.seq, f.frame, sum(octet_length(f.frame)) OVER (ORDER BY f.seq) AS total
    FROM (SELECT r.seq, r.frame FROM ${schema}.frames AS r WHERE r.stream = s.stream AND r.seq >= v_start
      ORDER BY r.seq LIMIT p_frames) AS f) AS g
  WHERE g.total <= p_bytes OR g.seq = v_start;
END $$;

CREATE OR REPLACE FUNCTION ${schema}.cancel(p_id text, p_reason text, p_grace bigint) RETURNS boolean LANGUAGE sql AS $$
  UPDATE ${schema}.streams SET cancel_grace = CASE WHEN cancel_reason IS NULL THEN p_grace ELSE cancel_grace END,
    cancel_reason = coalesce(cancel_reason, p_reason)
  WHERE id = p_id AND expires_at > ${schema}.now_ms() AND kind = 'stream' AND end_status IS NULL RETURNING true
$$;

CREATE OR REPLACE FUNCTION ${schema}.lost(p_id text, p_fence bigint, p_status text, p_error text)
RETURNS boolean LANGUAGE sql AS $$
  UPDATE ${schema}.streams SET end_status = p_status, end_error = p_error
  WHERE id = p_id AND expires_at > ${schema}.now_ms() AND kind = 'stream' AND end_status IS NULL AND fence = p_fence
    AND lease_until + retry_window <= ${schema}.now_ms() RETURNING true
$$;

CREATE OR REPLACE FUNCTION ${schema}.forget(p_id text) RETURNS boolean LANGUAGE sql AS $$
  WITH gone AS (DELETE FROM ${schema}.streams WHERE id = p_id RETURNING stream)
  INSERT INTO ${schema}.retired SELECT stream FROM gone RETURNING true
$$;

CREATE OR REPLACE FUNCTION ${schema}.marker(p_fresh text) RETURNS text LANGUAGE sql AS $$
  INSERT INTO ${schema}.settings AS s VALUES ('marker', p_fresh) ON CONFLICT (name) DO UPDATE SET value = s.value
  RETURNING value
$$;
`;
