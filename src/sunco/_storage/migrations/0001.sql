CREATE TABLE {schema}.meta (
    part text PRIMARY KEY,
    version integer NOT NULL
);

-- One lease per process.
CREATE TABLE {schema}.worker (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    lease interval NOT NULL,
    until timestamptz NOT NULL
);

CREATE FUNCTION {schema}.reap_workers() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- A clock that was set back makes no lease longer than it is.
    UPDATE {schema}.worker SET until = clock_timestamp() + lease
        WHERE until > clock_timestamp() + lease * 1.5;
    DELETE FROM {schema}.worker WHERE until < clock_timestamp();
END
$$;

-- Inboxes of webhook events. A queue holds the events of one ordering key.
CREATE TABLE {schema}.queue (
    inbox text NOT NULL,
    ordering_key text NOT NULL,
    -- 'infinity' where no event is pending.
    ready timestamptz NOT NULL DEFAULT clock_timestamp(),
    blocked timestamptz NOT NULL DEFAULT '-infinity',
    stored bigint NOT NULL DEFAULT 1,
    owner bigint,
    fence bigint NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT '{}',
    changed timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (inbox, ordering_key)
) WITH (fillfactor = 50);
CREATE INDEX queue_ready ON {schema}.queue (inbox, ready) WHERE owner IS NULL;
CREATE INDEX queue_owner ON {schema}.queue (owner) WHERE owner IS NOT NULL;

CREATE TABLE {schema}.event (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    inbox text NOT NULL,
    key text NOT NULL,
    ordering_key text NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    content bytea NOT NULL,
    received timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    repeated boolean NOT NULL DEFAULT false,
    succeeded text NOT NULL DEFAULT '[]',
    error text,
    UNIQUE (inbox, key)
) WITH (fillfactor = 80);
CREATE INDEX event_pending ON {schema}.event (inbox, ordering_key, sequence)
    WHERE state = 'pending';
CREATE INDEX event_failed ON {schema}.event (inbox, sequence) WHERE state = 'failed';
CREATE INDEX event_handled ON {schema}.event (inbox, changed) WHERE state = 'handled';

-- Events as [[key, ordering key, content in base64], ...].
CREATE FUNCTION {schema}.add_events(of_inbox text, events json) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- The locks of these rows, taken in one order, make the order of sequence the order of commit
    -- within an ordering key.
    INSERT INTO {schema}.queue AS q (inbox, ordering_key, ready, stored)
        SELECT of_inbox, ordering_key, 'infinity', 0
        FROM (SELECT DISTINCT value ->> 1 AS ordering_key FROM json_array_elements(events)) AS new
        ORDER BY ordering_key
        ON CONFLICT (inbox, ordering_key) DO UPDATE SET inbox = q.inbox;
    -- An event that is known already makes nothing ready.
    WITH new AS (
        INSERT INTO {schema}.event (inbox, key, ordering_key, content)
        SELECT of_inbox, value ->> 0, value ->> 1, decode(value ->> 2, 'base64')
        FROM json_array_elements(events) WITH ORDINALITY ORDER BY ordinality
        ON CONFLICT (inbox, key) DO NOTHING
        RETURNING ordering_key
    )
    UPDATE {schema}.queue AS q SET stored = q.stored + 1,
        ready = CASE WHEN q.owner IS NULL
            THEN greatest(least(q.ready, clock_timestamp()), q.blocked) ELSE q.ready END
        WHERE q.inbox = of_inbox AND q.ordering_key IN (SELECT ordering_key FROM new);
END
$$;

CREATE FUNCTION {schema}.claim_queues(
    of_inbox text, worker_id bigint, max_queues integer, max_events integer
) RETURNS TABLE (
    ordering_key text, fence bigint, stored bigint, state text, key text, sequence bigint,
    content bytea, age double precision, attempts integer, repeated boolean, succeeded text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    claimed text[];
BEGIN
    -- Not reaped before this commits.
    PERFORM FROM {schema}.worker
        WHERE id = worker_id AND until > clock_timestamp() FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lease expired' USING ERRCODE = 'SU001';
    END IF;
    WITH ready AS (
        SELECT ordering_key FROM {schema}.queue
        WHERE inbox = of_inbox AND owner IS NULL AND ready <= statement_timestamp()
        ORDER BY ready LIMIT max_queues FOR NO KEY UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE {schema}.queue AS q SET owner = worker_id, fence = q.fence + 1
        FROM ready WHERE q.inbox = of_inbox AND q.ordering_key = ready.ordering_key
        RETURNING q.ordering_key
    ) SELECT array_agg(ordering_key) INTO claimed FROM taken;
    -- From here on with a new snapshot: what was stored before the rows were locked is seen.
    UPDATE {schema}.queue AS q SET owner = NULL, ready = 'infinity', changed = clock_timestamp()
        WHERE q.inbox = of_inbox AND q.ordering_key = ANY (claimed) AND NOT EXISTS (
            SELECT FROM {schema}.event AS e
            WHERE e.inbox = of_inbox AND e.ordering_key = q.ordering_key AND e.state = 'pending'
        );
    RETURN QUERY WITH pending AS (
        SELECT q.ordering_key, q.fence, q.stored, q.state, e.*
        FROM {schema}.queue AS q CROSS JOIN LATERAL (
            SELECT e.key, e.sequence, e.content, e.received, e.attempts, e.repeated, e.succeeded,
                row_number() OVER (ORDER BY e.sequence) AS place
            FROM {schema}.event AS e
            WHERE e.inbox = of_inbox AND e.ordering_key = q.ordering_key AND e.state = 'pending'
            ORDER BY e.sequence LIMIT max_events
        ) AS e
        WHERE q.inbox = of_inbox AND q.ordering_key = ANY (claimed)
    ), started AS (
        UPDATE {schema}.event AS e SET attempts = e.attempts + 1
        FROM pending WHERE e.sequence = pending.sequence AND pending.place = 1
    ) SELECT p.ordering_key, p.fence, p.stored, p.state, p.key, p.sequence, p.content,
        extract(epoch FROM clock_timestamp() - p.received)::double precision,
        p.attempts + (p.place = 1)::integer, p.repeated, p.succeeded
    FROM pending AS p
    ORDER BY p.ordering_key, p.sequence;
END
$$;

-- Operations on claims, as [{"key", "owner", "fence", "results", "starting", "state", "release"}];
-- returns the indexes of those whose claims are held.
CREATE FUNCTION {schema}.write_results(of_inbox text, operations json) RETURNS SETOF integer
LANGUAGE plpgsql AS $$
DECLARE
    operation json;
    index integer := -1;
    now_at timestamptz;
    delay interval;
BEGIN
    FOR operation IN SELECT value FROM json_array_elements(operations) LOOP
        index := index + 1;
        PERFORM FROM {schema}.queue
            WHERE inbox = of_inbox AND ordering_key = operation ->> 'key'
            AND owner = (operation ->> 'owner')::bigint AND fence = (operation ->> 'fence')::bigint
            FOR NO KEY UPDATE;
        CONTINUE WHEN NOT FOUND;
        now_at := clock_timestamp();
        UPDATE {schema}.event AS e SET
            state = r.value ->> 1, attempts = (r.value ->> 2)::integer,
            repeated = (r.value ->> 3)::boolean, succeeded = r.value ->> 4, error = r.value ->> 5,
            content = CASE r.value ->> 1 WHEN 'handled' THEN '' ELSE e.content END,
            changed = now_at
            FROM json_array_elements(operation -> 'results') AS r
            WHERE e.inbox = of_inbox AND e.key = r.value ->> 0
            AND e.ordering_key = operation ->> 'key';
        UPDATE {schema}.event AS e SET attempts = e.attempts + 1
            FROM json_array_elements_text(operation -> 'starting') AS s
            WHERE e.inbox = of_inbox AND e.key = s.value
            AND e.ordering_key = operation ->> 'key';
        IF operation ->> 'state' IS NOT NULL THEN
            UPDATE {schema}.queue SET state = operation ->> 'state'
                WHERE inbox = of_inbox AND ordering_key = operation ->> 'key';
        END IF;
        IF operation ->> 'drained' IS NOT NULL THEN
            delay := make_interval(secs => (operation ->> 'delay')::double precision);
            UPDATE {schema}.queue SET owner = NULL, changed = now_at,
                ready = CASE
                    WHEN (operation ->> 'drained')::boolean
                        AND stored = (operation ->> 'stored')::bigint THEN 'infinity'
                    WHEN (operation ->> 'blocked')::boolean
                        OR stored = (operation ->> 'stored')::bigint THEN now_at + delay
                    ELSE now_at END,
                blocked = CASE WHEN (operation ->> 'blocked')::boolean
                    THEN now_at + delay ELSE '-infinity' END
                WHERE inbox = of_inbox AND ordering_key = operation ->> 'key';
        END IF;
        RETURN NEXT index;
    END LOOP;
END
$$;

-- Frees the queues of workers that are gone, and those that a clock that was set back holds up.
CREATE FUNCTION {schema}.free_queues() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    freed integer;
BEGIN
    PERFORM {schema}.reap_workers();
    UPDATE {schema}.queue SET owner = NULL, ready = clock_timestamp()
        WHERE ctid = ANY (ARRAY(
            SELECT q.ctid FROM {schema}.queue AS q WHERE q.owner IS NOT NULL
            AND NOT EXISTS (SELECT FROM {schema}.worker AS w WHERE w.id = q.owner)
            FOR NO KEY UPDATE SKIP LOCKED
        ));
    GET DIAGNOSTICS freed = ROW_COUNT;
    UPDATE {schema}.queue SET ready = clock_timestamp(), blocked = '-infinity',
        changed = clock_timestamp()
        WHERE ctid = ANY (ARRAY(
            SELECT q.ctid FROM {schema}.queue AS q WHERE q.owner IS NULL
            AND q.ready > statement_timestamp() AND q.ready < 'infinity'
            AND q.changed > statement_timestamp() + interval '1 second'
            FOR NO KEY UPDATE SKIP LOCKED
        ));
    RETURN freed;
END
$$;

-- Bulk jobs. A part is a number of items that one worker claims at once.
CREATE TABLE {schema}.job (
    job text PRIMARY KEY,
    function text NOT NULL,
    grace interval NOT NULL,
    loader bigint,
    loaded boolean NOT NULL DEFAULT false,
    parts integer NOT NULL DEFAULT 0,
    created timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE {schema}.part (
    job text NOT NULL REFERENCES {schema}.job ON DELETE CASCADE,
    part integer NOT NULL,
    n integer NOT NULL,
    "left" integer NOT NULL,
    done integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    uncertain integer NOT NULL DEFAULT 0,
    owner bigint,
    fence bigint NOT NULL DEFAULT 0,
    free timestamptz NOT NULL DEFAULT '-infinity',
    closed boolean NOT NULL DEFAULT false,
    first timestamptz,
    PRIMARY KEY (job, part)
) WITH (fillfactor = 70);
CREATE INDEX part_open ON {schema}.part (job, part) WHERE NOT closed AND owner IS NULL;
CREATE INDEX part_owner ON {schema}.part (owner) WHERE owner IS NOT NULL;

CREATE TABLE {schema}.item (
    job text NOT NULL REFERENCES {schema}.job ON DELETE CASCADE,
    key text NOT NULL,
    part integer NOT NULL,
    content text NOT NULL,
    pending boolean NOT NULL DEFAULT true,
    state text NOT NULL DEFAULT 'new',
    attempts integer NOT NULL DEFAULT 0,
    changed timestamptz,
    error text,
    result text,
    PRIMARY KEY (job, key)
) WITH (fillfactor = 80);
CREATE INDEX item_part ON {schema}.item (job, part);

CREATE FUNCTION {schema}.free_parts() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM {schema}.reap_workers();
    UPDATE {schema}.part AS p SET owner = NULL, free = clock_timestamp() + job.grace
        FROM {schema}.job
        WHERE job.job = p.job AND p.ctid = ANY (ARRAY(
            SELECT q.ctid FROM {schema}.part AS q WHERE q.owner IS NOT NULL
            AND NOT EXISTS (SELECT FROM {schema}.worker AS w WHERE w.id = q.owner)
            FOR NO KEY UPDATE SKIP LOCKED
        ));
    -- A clock that was set back holds up no part for longer than the grace period.
    UPDATE {schema}.part AS p SET free = clock_timestamp() + job.grace
        FROM {schema}.job
        WHERE job.job = p.job AND p.owner IS NULL AND NOT p.closed
        AND p.free > clock_timestamp() + job.grace + interval '1 second';
END
$$;

CREATE FUNCTION {schema}.claim_part(of_job text, worker_id bigint)
RETURNS TABLE (part integer, fence bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    -- Not reaped before this commits.
    PERFORM FROM {schema}.worker
        WHERE id = worker_id AND until > clock_timestamp() FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lease expired' USING ERRCODE = 'SU001';
    END IF;
    RETURN QUERY UPDATE {schema}.part AS p
        SET owner = worker_id, fence = p.fence + 1, first = coalesce(p.first, clock_timestamp())
        WHERE p.job = of_job AND p.part = (
            SELECT q.part FROM {schema}.part AS q
            WHERE q.job = of_job AND NOT q.closed AND q.owner IS NULL
            AND q.free <= statement_timestamp()
            ORDER BY q.part LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
        )
        RETURNING p.part, p.fence;
END
$$;

-- Outcomes as [[part, fence, [[key, state, attempts, error, result], ...]], ...]; returns the parts
-- that the worker does not hold any more.
CREATE FUNCTION {schema}.record_items(of_job text, worker_id bigint, outcomes json)
RETURNS SETOF integer LANGUAGE plpgsql AS $$
DECLARE
    outcome json;
    counts record;
BEGIN
    FOR outcome IN SELECT value FROM json_array_elements(outcomes) LOOP
        PERFORM FROM {schema}.part
            WHERE job = of_job AND part = (outcome ->> 0)::integer
            AND owner = worker_id AND fence = (outcome ->> 1)::bigint FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            RETURN NEXT (outcome ->> 0)::integer;
            CONTINUE;
        END IF;
        WITH recorded AS (
            UPDATE {schema}.item AS i SET pending = false, state = r.value ->> 1,
                attempts = (r.value ->> 2)::integer, error = r.value ->> 3,
                result = r.value ->> 4, changed = clock_timestamp()
            FROM json_array_elements(outcome -> 2) AS r
            WHERE i.job = of_job AND i.key = r.value ->> 0 AND i.pending
            RETURNING i.state
        ) SELECT count(*) AS n, count(*) FILTER (WHERE state = 'done') AS done,
            count(*) FILTER (WHERE state = 'failed') AS failed,
            count(*) FILTER (WHERE state = 'uncertain') AS uncertain
            INTO counts FROM recorded;
        UPDATE {schema}.part AS p SET "left" = p."left" - counts.n, done = p.done + counts.done,
            failed = p.failed + counts.failed, uncertain = p.uncertain + counts.uncertain,
            closed = p."left" = counts.n,
            owner = CASE WHEN p."left" = counts.n THEN NULL ELSE p.owner END
            WHERE job = of_job AND part = (outcome ->> 0)::integer;
    END LOOP;
END
$$;

-- Rate limits.
CREATE TABLE {schema}.rate_limit (
    name text PRIMARY KEY,
    tat double precision NOT NULL DEFAULT 0,
    paused double precision NOT NULL DEFAULT 0,
    "current" double precision NOT NULL,
    changed double precision NOT NULL,
    settled double precision NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE FUNCTION {schema}.reserve(
    limit_name text, rate double precision, burst double precision, turns integer,
    pause double precision, recovery double precision, settle double precision,
    min_share double precision, catch_up double precision,
    OUT delay double precision, OUT "current" double precision, OUT now_at double precision
) LANGUAGE plpgsql AS $$
DECLARE
    state {schema}.rate_limit;
    start_at double precision;
BEGIN
    -- A crash of the server may forget the last turns: no flush is worth waiting for.
    PERFORM set_config('synchronous_commit', 'off', true);
    LOOP
        SELECT * INTO state FROM {schema}.rate_limit WHERE name = limit_name FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO {schema}.rate_limit (name, "current", changed)
            VALUES (limit_name, rate, extract(epoch FROM clock_timestamp()))
            ON CONFLICT (name) DO NOTHING;
    END LOOP;
    now_at := extract(epoch FROM clock_timestamp());
    state."current" := least(rate, state."current");
    IF now_at > state.changed THEN
        state."current" :=
            least(rate, state."current" + (now_at - state.changed) * rate / recovery);
        state.changed := now_at;
    END IF;
    IF pause IS NOT NULL THEN
        state.paused := greatest(state.paused, now_at + pause);
        IF now_at >= state.settled THEN
            state."current" := greatest(rate * min_share, state."current" / 2);
        END IF;
        state.settled := greatest(state.settled, now_at + pause + settle);
        state.changed := greatest(now_at, state.paused);
        -- Turns that were reserved before are given up by the processes that hold them.
        state.tat := state.paused + burst / state."current";
    END IF;
    -- A process that reserves again at once loses nothing by the round trip.
    IF state.tat < now_at - catch_up THEN
        state.tat := now_at;
    END IF;
    -- In the past after an idle period: as many turns as a burst allows begin at once.
    start_at := greatest(state.tat - (burst - 1) / state."current", state.paused);
    UPDATE {schema}.rate_limit SET tat = state.tat + turns / state."current",
        paused = state.paused, "current" = state."current", changed = state.changed,
        settled = state.settled
        WHERE name = limit_name;
    delay := start_at - now_at;
    "current" := state."current";
END
$$;
