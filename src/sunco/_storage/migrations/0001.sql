CREATE TABLE {schema}.meta (
    part text PRIMARY KEY,
    version integer NOT NULL
);

-- One lease per process.
CREATE TABLE {schema}.worker (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    until timestamptz NOT NULL
);

-- Inboxes of webhook events.
CREATE TABLE {schema}.queue (
    inbox text NOT NULL,
    ordering_key text NOT NULL,
    ready timestamptz NOT NULL DEFAULT clock_timestamp(),
    blocked timestamptz NOT NULL DEFAULT '-infinity',
    stored bigint NOT NULL DEFAULT 1,
    owner bigint,
    fence bigint NOT NULL DEFAULT 0,
    state jsonb NOT NULL DEFAULT '{}',
    changed timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (inbox, ordering_key)
) WITH (fillfactor = 50);
CREATE INDEX queue_ready ON {schema}.queue (inbox, ready)
    WHERE owner IS NULL AND ready < 'infinity';
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
    succeeded text[] NOT NULL DEFAULT '{}',
    error text,
    UNIQUE (inbox, key)
) WITH (fillfactor = 80);
CREATE INDEX event_pending ON {schema}.event (inbox, ordering_key, sequence)
    WHERE state = 'pending';
CREATE INDEX event_failed ON {schema}.event (inbox, sequence) WHERE state = 'failed';
CREATE INDEX event_handled ON {schema}.event (inbox, changed) WHERE state = 'handled';

-- Bulk jobs.
CREATE TABLE {schema}.job (
    job text PRIMARY KEY,
    function text NOT NULL,
    loaded boolean NOT NULL DEFAULT false,
    runs integer NOT NULL DEFAULT 0,
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
    state text NOT NULL DEFAULT 'new',
    attempts integer NOT NULL DEFAULT 0,
    first timestamptz,
    changed timestamptz,
    error text,
    result text,
    PRIMARY KEY (job, key)
) WITH (fillfactor = 80);
CREATE INDEX item_part ON {schema}.item (job, part);

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
    OUT delay double precision, OUT "current" double precision
) LANGUAGE plpgsql AS $$
DECLARE
    state {schema}.rate_limit;
    now_at double precision;
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
