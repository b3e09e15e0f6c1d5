-- Universes by rule, their members in two clocks, and the log of every change.
-- `static` universes are lists: their members are members on every session. `dated` ones have members by session, in
-- universe_memberships; cache_entries.value is then the newest session's.
ALTER TABLE cache_entries ADD COLUMN membership text NOT NULL DEFAULT 'static';
ALTER TABLE cache_entries ADD COLUMN aliases text[] NOT NULL DEFAULT '{}';
ALTER TABLE cache_entries
    ADD CONSTRAINT cache_entries_membership_known CHECK (membership IN ('static', 'dated')),
    -- A dated one has no members until it is determined for the first time; after that, none ever becomes empty.
    ADD CONSTRAINT cache_entries_has_members CHECK (membership = 'dated' OR jsonb_array_length(value) > 0);
CREATE INDEX cache_entries_aliases ON cache_entries USING gin (aliases);
COMMENT ON COLUMN cache_entries.membership IS 'static (a list, the same on every session) or dated (members by session, in universe_memberships; value is the newest session''s).';
COMMENT ON COLUMN cache_entries.aliases IS 'Other names: growth for etf_growth.';

CREATE TABLE universe_rules (
    universe    text NOT NULL,
    version     integer NOT NULL,
    rule        jsonb NOT NULL,
    reason      text NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (universe, version),
    CONSTRAINT universe_rules_version_positive CHECK (version > 0),
    CONSTRAINT universe_rules_rule_is_an_object CHECK (jsonb_typeof(rule) = 'object')
);

CREATE TABLE universe_memberships (
    membership_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    universe       text NOT NULL REFERENCES cache_entries (key),
    security_id    bigint NOT NULL REFERENCES securities,
    valid_from     date NOT NULL,
    valid_to       date,
    known_from     timestamptz NOT NULL,
    known_to       timestamptz,
    CONSTRAINT universe_memberships_valid_range CHECK (valid_to > valid_from),
    CONSTRAINT universe_memberships_known_range CHECK (known_to > known_from),
    -- One answer to "member on that day, as known at that moment?"; what is superseded keeps its row.
    CONSTRAINT universe_memberships_one_interval_per_day_and_moment EXCLUDE USING gist (
        ticker_range(universe, universe, '[]') WITH &&,
        int8range(security_id, security_id, '[]') WITH &&,
        daterange(valid_from, valid_to) WITH &&,
        tstzrange(known_from, known_to) WITH &&)
);
CREATE INDEX universe_memberships_current ON universe_memberships (universe, valid_from) WHERE known_to IS NULL;
CREATE INDEX universe_memberships_by_security ON universe_memberships (security_id);

CREATE TABLE universe_determinations (
    universe       text NOT NULL REFERENCES cache_entries (key),
    session        date NOT NULL,
    determined_at  timestamptz NOT NULL,
    rule_version   integer,
    task           text NOT NULL,
    members        integer NOT NULL,
    evidence       jsonb NOT NULL,
    run_id         text NOT NULL,
    PRIMARY KEY (universe, session, determined_at),
    CONSTRAINT universe_determinations_evidence_is_an_object CHECK (jsonb_typeof(evidence) = 'object'),
    FOREIGN KEY (universe, rule_version) REFERENCES universe_rules (universe, version)
);

CREATE TABLE sync_changes_log (
    change_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session       date NOT NULL,
    universe      text NOT NULL,
    security_id   bigint REFERENCES securities,
    ticker        text,
    task          text NOT NULL,
    change        text NOT NULL,
    reason        text NOT NULL,
    before        jsonb,
    after         jsonb,
    rule_version  integer,
    event_id      uuid,
    run_id        text NOT NULL,
    changed_at    timestamptz NOT NULL,
    CONSTRAINT sync_changes_log_change_known CHECK (change IN ('added', 'removed', 'rule', 'settings', 'classified'))
);
CREATE INDEX sync_changes_log_by_universe ON sync_changes_log (universe, session);
CREATE INDEX sync_changes_log_by_run ON sync_changes_log (run_id);

CREATE TABLE sync_proposals (
    session    date NOT NULL,
    task       text NOT NULL,
    proposals  jsonb NOT NULL,
    examined   integer NOT NULL,
    seconds    double precision NOT NULL,
    skipped    text,
    run_id     text NOT NULL,
    staged_at  timestamptz NOT NULL,
    PRIMARY KEY (session, task)
);

GRANT SELECT, INSERT, UPDATE ON sync_proposals TO tickstock_writer;
GRANT SELECT, INSERT ON universe_rules, universe_determinations, sync_changes_log TO tickstock_writer;
GRANT SELECT, INSERT, UPDATE ON universe_memberships TO tickstock_writer;

COMMENT ON TABLE universe_rules IS 'Rules by which universes choose their members; a new version is a new row, the highest is in force.';
COMMENT ON COLUMN universe_rules.universe IS 'Canonical name.';
COMMENT ON COLUMN universe_rules.version IS 'From 1.';
COMMENT ON COLUMN universe_rules.rule IS 'The rule as core.universe_rules writes it.';
COMMENT ON COLUMN universe_rules.reason IS 'Why it was made.';
COMMENT ON COLUMN universe_rules.created_at IS 'When it came into force.';
COMMENT ON TABLE universe_memberships IS 'Who is in a universe on which sessions, and since when we knew: intervals in two clocks. Never deleted.';
COMMENT ON COLUMN universe_memberships.membership_id IS 'Surrogate identity.';
COMMENT ON COLUMN universe_memberships.universe IS 'Canonical name.';
COMMENT ON COLUMN universe_memberships.security_id IS 'The member, through all its renames.';
COMMENT ON COLUMN universe_memberships.valid_from IS 'First session as a member; 1900-01-01 where it always was.';
COMMENT ON COLUMN universe_memberships.valid_to IS 'First session no longer a member; null while it is one.';
COMMENT ON COLUMN universe_memberships.known_from IS 'From when we knew this interval.';
COMMENT ON COLUMN universe_memberships.known_to IS 'Until when it held; null: it is current.';
COMMENT ON TABLE universe_determinations IS 'Each time a universe''s members were determined for a session: by which rule, from which facts.';
COMMENT ON COLUMN universe_determinations.universe IS 'Canonical name.';
COMMENT ON COLUMN universe_determinations.session IS 'Session from which on the members hold, until the next determined one.';
COMMENT ON COLUMN universe_determinations.determined_at IS 'When; the newest of a session counts.';
COMMENT ON COLUMN universe_determinations.rule_version IS 'Version of the rule; null for lists.';
COMMENT ON COLUMN universe_determinations.task IS 'What determined it: a synchronisation task, seed, import, or set.';
COMMENT ON COLUMN universe_determinations.members IS 'How many members.';
COMMENT ON COLUMN universe_determinations.evidence IS 'Per ticker looked at: rank, decision and the facts used.';
COMMENT ON COLUMN universe_determinations.run_id IS 'The Dagster run, or cli.';
COMMENT ON TABLE sync_changes_log IS 'Every change of a universe, with its reason; never changed, never deleted.';
COMMENT ON COLUMN sync_changes_log.change_id IS 'Order of writing.';
COMMENT ON COLUMN sync_changes_log.session IS 'Session from which on it holds.';
COMMENT ON COLUMN sync_changes_log.universe IS 'Canonical name.';
COMMENT ON COLUMN sync_changes_log.security_id IS 'The member; null for rules and settings.';
COMMENT ON COLUMN sync_changes_log.ticker IS 'Its ticker on that session.';
COMMENT ON COLUMN sync_changes_log.task IS 'market_cap_recalculation, ipo_universe_assignment, delisted_cleanup, theme_rebalancing, etf_universe_maintenance, seed, import, or set.';
COMMENT ON COLUMN sync_changes_log.change IS 'added, removed, rule, settings, or classified (a new listing: sector, size, type).';
COMMENT ON COLUMN sync_changes_log.reason IS 'Why, in words.';
COMMENT ON COLUMN sync_changes_log.before IS 'Facts or settings before.';
COMMENT ON COLUMN sync_changes_log.after IS 'Facts or settings after.';
COMMENT ON COLUMN sync_changes_log.rule_version IS 'Version of the rule that decided; null where none did.';
COMMENT ON COLUMN sync_changes_log.event_id IS 'The tickstock.universe.updated event that tells of it.';
COMMENT ON COLUMN sync_changes_log.run_id IS 'The Dagster run, or cli.';
COMMENT ON COLUMN sync_changes_log.changed_at IS 'When it was written.';
COMMENT ON TABLE sync_proposals IS 'What each synchronisation task proposes for a session; all of them are applied together, in one transaction.';
COMMENT ON COLUMN sync_proposals.session IS 'The session.';
COMMENT ON COLUMN sync_proposals.task IS 'The task.';
COMMENT ON COLUMN sync_proposals.proposals IS 'Determinations of universes, each with members, reasons and evidence.';
COMMENT ON COLUMN sync_proposals.examined IS 'Securities looked at.';
COMMENT ON COLUMN sync_proposals.seconds IS 'Time taken.';
COMMENT ON COLUMN sync_proposals.skipped IS 'Why it had nothing to do; null where it worked.';
COMMENT ON COLUMN sync_proposals.run_id IS 'The Dagster run.';
COMMENT ON COLUMN sync_proposals.staged_at IS 'When it was staged.';

-- ---------------------------------------------------------------------------------------------------------------------
-- What TickStockApp asks. A universe goes by its name or an alias; whatever is not known is refused with a hint.

CREATE FUNCTION universe_key(wanted text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    found text;
BEGIN
    SELECT c.key INTO found FROM cache_entries AS c WHERE c.key = wanted OR c.aliases @> ARRAY[wanted]
    ORDER BY (c.key = wanted) DESC LIMIT 1;
    IF found IS NULL THEN
        RAISE EXCEPTION 'universe % is not known', coalesce(quote_literal(wanted), 'null')
            USING ERRCODE = 'no_data_found',
                HINT = 'Known are: ' || coalesce((SELECT string_agg(c.key, ', ' ORDER BY c.key) FROM cache_entries AS c), 'none yet');
    END IF;
    RETURN found;
END
$$;

CREATE FUNCTION get_cache_entries(wanted text) RETURNS TABLE (
    key text, type text, name text, symbols text[], track boolean, category text, filter jsonb, metadata jsonb,
    last_universe_update timestamptz)
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.key, c.type, c.name,
        ARRAY(SELECT m.ticker FROM jsonb_array_elements_text(c.value) WITH ORDINALITY AS m (ticker, place) ORDER BY m.place),
        c.track, c.universe_category, c.liquidity_filter, c.universe_metadata, c.last_universe_update
    FROM cache_entries AS c
    WHERE c.key = universe_key(wanted);
END
$$;

-- Facts of a theme's current members. Average dollar volume is over the fund's last 20 bars of the last 45 days.
CREATE FUNCTION etf_members(wanted text) RETURNS TABLE (
    symbol text, security_id bigint, name text, issuer text, etf_type text, underlying_index text,
    correlation_reference text, primary_exchange text, aum_usd numeric, expense_ratio numeric, adv20_usd numeric,
    since date)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT i.ticker, s.security_id, s.name, s.issuer, s.etf_type, s.underlying_index, s.correlation_reference,
        s.primary_exchange, s.aum_usd, s.expense_ratio, v.adv, m.valid_from
    FROM universe_memberships AS m
    JOIN securities AS s USING (security_id)
    CROSS JOIN LATERAL (
        SELECT t.ticker FROM ticker_intervals AS t
        WHERE t.security_id = s.security_id ORDER BY t.valid_from DESC LIMIT 1) AS i
    CROSS JOIN LATERAL (
        SELECT avg(recent.close * recent.volume) AS adv
        FROM (
            SELECT b.session, b.close, b.volume FROM ohlcv_daily AS b
            WHERE b.security_id = s.security_id AND NOT b.is_fmv
            ORDER BY b.session DESC LIMIT 20) AS recent
        WHERE recent.session > (SELECT max(n.session) FROM ohlcv_daily AS n) - 45) AS v
    WHERE m.universe = wanted AND m.known_to IS NULL AND m.valid_to IS NULL
$$;

CREATE FUNCTION get_etf_universe(theme text, filters jsonb DEFAULT '{}') RETURNS TABLE (
    symbol text, security_id bigint, name text, issuer text, etf_type text, underlying_index text,
    correlation_reference text, primary_exchange text, aum_usd numeric, expense_ratio numeric, adv20_usd numeric,
    since date)
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    numbers constant text[] := ARRAY['aum_min', 'aum_max', 'expense_ratio_min', 'expense_ratio_max', 'adv_usd_min', 'adv_usd_max'];
    words constant text[] := ARRAY['issuer', 'etf_type', 'underlying_index', 'correlation_reference', 'primary_exchange'];
    given record;
BEGIN
    IF filters IS NULL OR jsonb_typeof(filters) <> 'object' THEN
        RAISE EXCEPTION 'filters % are not accepted', coalesce(filters::text, 'null')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'A JSON object such as {"aum_min": 1000000000}.';
    END IF;
    FOR given IN SELECT f.key, f.value, jsonb_typeof(f.value) AS kind FROM jsonb_each(filters) AS f LOOP
        IF given.key <> ALL (numbers || words) THEN
            RAISE EXCEPTION 'filter % is not known', quote_literal(given.key)
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Known are: ' || array_to_string(numbers || words, ', ');
        ELSIF given.key = ANY (numbers) AND given.kind <> 'number' OR given.key = ANY (words) AND given.kind <> 'string' THEN
            RAISE EXCEPTION 'filter % cannot be %', given.key, given.value
                USING ERRCODE = 'invalid_parameter_value',
                    HINT = CASE WHEN given.key = ANY (numbers) THEN 'A number: US dollars, or a fraction for expense_ratio.' ELSE 'A text.' END;
        ELSIF given.key LIKE 'expense%' AND given.value::numeric NOT BETWEEN 0 AND 0.2
            OR given.key LIKE 'a%' AND given.value::numeric < 0 THEN
            RAISE EXCEPTION 'filter % cannot be %', given.key, given.value
                USING ERRCODE = 'invalid_parameter_value',
                    HINT = 'US dollars from 0, or for expense_ratio a fraction from 0 to 0.2: 0.0075 is 0.75 %.';
        END IF;
    END LOOP;
    IF NOT EXISTS (SELECT FROM cache_entries AS c WHERE c.key = universe_key(theme) AND c.membership = 'dated') THEN
        RAISE EXCEPTION 'universe % is a list', quote_literal(theme) USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Its symbols are what get_cache_entries returns; themes are: '
                || coalesce((SELECT string_agg(c.key, ', ' ORDER BY c.key) FROM cache_entries AS c WHERE c.type = 'theme'), 'none yet');
    END IF;
    RETURN QUERY
    SELECT m.*
    FROM etf_members(universe_key(theme)) AS m
    WHERE (NOT filters ? 'aum_min' OR m.aum_usd >= (filters ->> 'aum_min')::numeric)
        AND (NOT filters ? 'aum_max' OR m.aum_usd <= (filters ->> 'aum_max')::numeric)
        AND (NOT filters ? 'expense_ratio_min' OR m.expense_ratio >= (filters ->> 'expense_ratio_min')::numeric)
        AND (NOT filters ? 'expense_ratio_max' OR m.expense_ratio <= (filters ->> 'expense_ratio_max')::numeric)
        AND (NOT filters ? 'adv_usd_min' OR m.adv20_usd >= (filters ->> 'adv_usd_min')::numeric)
        AND (NOT filters ? 'adv_usd_max' OR m.adv20_usd <= (filters ->> 'adv_usd_max')::numeric)
        AND (NOT filters ? 'issuer' OR m.issuer = filters ->> 'issuer')
        AND (NOT filters ? 'etf_type' OR m.etf_type = filters ->> 'etf_type')
        AND (NOT filters ? 'underlying_index' OR m.underlying_index = filters ->> 'underlying_index')
        AND (NOT filters ? 'correlation_reference' OR m.correlation_reference = filters ->> 'correlation_reference')
        AND (NOT filters ? 'primary_exchange' OR m.primary_exchange = filters ->> 'primary_exchange')
    ORDER BY m.symbol COLLATE "C";
END
$$;

CREATE FUNCTION validate_etf_universe_symbols(theme text) RETURNS TABLE (symbol text, verdict text, reason text)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT listed.ticker,
        CASE WHEN h.security_id IS NULL THEN 'unknown'
            WHEN h.gone_on IS NOT NULL THEN 'delisted'
            WHEN h.bars = 0 THEN 'without_bars'
            WHEN broken.reason IS NOT NULL THEN 'breaks_filter'
            ELSE 'ok' END,
        CASE WHEN h.security_id IS NULL THEN 'no security is known to hold this ticker'
            WHEN h.gone_on IS NOT NULL THEN 'not listed since ' || h.gone_on
            WHEN h.bars = 0 THEN 'no bar is stored of the last 45 days'
            WHEN broken.reason IS NOT NULL THEN broken.reason
            ELSE coalesce('not known: ' || missing.facts, 'keeps the filter') END
    FROM cache_entries AS c
    CROSS JOIN LATERAL jsonb_array_elements_text(c.value) WITH ORDINALITY AS listed (ticker, place)
    LEFT JOIN LATERAL (
        SELECT s.security_id, s.aum_usd, s.expense_ratio, coalesce(s.delisted_on, i.valid_to) AS gone_on, v.bars, v.adv_usd
        FROM ticker_intervals AS i
        JOIN securities AS s USING (security_id)
        CROSS JOIN LATERAL (
            SELECT count(*) AS bars, avg(recent.close * recent.volume) AS adv_usd
            FROM (
                SELECT b.session, b.close, b.volume FROM ohlcv_daily AS b
                WHERE b.security_id = s.security_id AND NOT b.is_fmv
                ORDER BY b.session DESC LIMIT 20) AS recent
            WHERE recent.session > (SELECT max(n.session) FROM ohlcv_daily AS n) - 45) AS v
        WHERE i.ticker = listed.ticker
        ORDER BY i.valid_from DESC
        LIMIT 1) AS h ON true
    CROSS JOIN LATERAL (
        SELECT string_agg(b.said, '; ' ORDER BY b.said) AS reason
        FROM (VALUES
            (h.aum_usd < (c.liquidity_filter ->> 'aum_min')::numeric,
                'aum_usd ' || h.aum_usd || ' is below ' || (c.liquidity_filter ->> 'aum_min')),
            (h.adv_usd < (c.liquidity_filter ->> 'adv_usd_min')::numeric,
                'adv20_usd ' || round(h.adv_usd, 2) || ' is below ' || (c.liquidity_filter ->> 'adv_usd_min')),
            (h.expense_ratio > (c.liquidity_filter ->> 'expense_ratio_max')::numeric,
                'expense_ratio ' || h.expense_ratio || ' is above ' || (c.liquidity_filter ->> 'expense_ratio_max'))
        ) AS b (breaks, said)
        WHERE b.breaks) AS broken
    CROSS JOIN LATERAL (
        SELECT string_agg(f.name, ', ') AS facts
        FROM (VALUES ('aum_usd', h.aum_usd), ('expense_ratio', h.expense_ratio)) AS f (name, value)
        WHERE f.value IS NULL) AS missing
    WHERE c.key = universe_key(theme)
    ORDER BY listed.place
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Setting a theme's members by hand, with the bookkeeping of adapters.membership_store: two clocks, log, event.

-- Events are identified by UUIDs of version 5 (core.events), which are made of SHA-1; PostgreSQL itself has none.
CREATE FUNCTION sha1(message bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mask constant bigint := 4294967295;
    padded constant bytea := message || '\x80'::bytea || decode(repeat('00', (119 - length(message) % 64) % 64), 'hex')
        || int8send(length(message)::bigint * 8);
    h bigint[] := ARRAY[1732584193, 4023233417, 2562383102, 271733878, 3285377520];
    w bigint[];
    a bigint; b bigint; c bigint; d bigint; e bigint; f bigint; k bigint; t bigint;
BEGIN
    FOR block IN 0 .. length(padded) / 64 - 1 LOOP
        FOR i IN 0 .. 15 LOOP
            t := block * 64 + i * 4;
            w[i] := (get_byte(padded, t::int)::bigint << 24) | (get_byte(padded, t::int + 1) << 16)
                | (get_byte(padded, t::int + 2) << 8) | get_byte(padded, t::int + 3);
        END LOOP;
        FOR i IN 16 .. 79 LOOP
            t := w[i - 3] # w[i - 8] # w[i - 14] # w[i - 16];
            w[i] := ((t << 1) | (t >> 31)) & mask;
        END LOOP;
        a := h[1]; b := h[2]; c := h[3]; d := h[4]; e := h[5];
        FOR i IN 0 .. 79 LOOP
            IF i < 20 THEN
                f := (b & c) | ((~b & mask) & d); k := 1518500249;
            ELSIF i < 40 THEN
                f := b # c # d; k := 1859775393;
            ELSIF i < 60 THEN
                f := (b & c) | (b & d) | (c & d); k := 2400959708;
            ELSE
                f := b # c # d; k := 3395469782;
            END IF;
            t := ((((a << 5) | (a >> 27)) & mask) + f + e + k + w[i]) & mask;
            e := d; d := c; c := ((b << 30) | (b >> 2)) & mask; b := a; a := t;
        END LOOP;
        h := ARRAY[(h[1] + a) & mask, (h[2] + b) & mask, (h[3] + c) & mask, (h[4] + d) & mask, (h[5] + e) & mask];
    END LOOP;
    RETURN decode(lpad(to_hex(h[1]), 8, '0') || lpad(to_hex(h[2]), 8, '0') || lpad(to_hex(h[3]), 8, '0')
        || lpad(to_hex(h[4]), 8, '0') || lpad(to_hex(h[5]), 8, '0'), 'hex');
END
$$;

CREATE FUNCTION uuid_v5(namespace uuid, name text) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = public, pg_temp AS $$
DECLARE
    hash bytea := substring(sha1(uuid_send(namespace) || convert_to(name, 'UTF8')) FROM 1 FOR 16);
BEGIN
    hash := set_byte(hash, 6, (get_byte(hash, 6) & 15) | 80);
    hash := set_byte(hash, 8, (get_byte(hash, 8) & 63) | 128);
    RETURN encode(hash, 'hex')::uuid;
END
$$;

CREATE FUNCTION event_id_of(channel text, subject text, dedupe_key text) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = public, pg_temp AS $$
    SELECT uuid_v5(
        uuid_v5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', 'urn:tickstock:events'),
        concat_ws(U&'\001F', channel, subject, dedupe_key))
$$;

CREATE FUNCTION update_etf_universe(theme text, symbols text[], reason text) RETURNS TABLE (change text, symbol text)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    told_as constant text := 'tickstock.universe.updated';
    why constant text := btrim(reason);
    universe_ text;
    session_ date;
    at_ timestamptz;
    times integer;
    wanted bigint[];
    before bigint[];
    unknown text;
    event_ uuid;
    changes_ jsonb;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('universe_memberships'));
    universe_ := universe_key(theme);
    IF NOT EXISTS (SELECT FROM cache_entries AS c WHERE c.key = universe_ AND c.type = 'theme' AND c.membership = 'dated') THEN
        RAISE EXCEPTION 'universe % is no theme', quote_literal(universe_) USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Themes are: ' || coalesce((SELECT string_agg(c.key, ', ' ORDER BY c.key) FROM cache_entries AS c WHERE c.type = 'theme'), 'none yet');
    ELSIF coalesce(why, '') = '' THEN
        RAISE EXCEPTION 'reason is missing' USING ERRCODE = 'invalid_parameter_value', HINT = 'Say why, in words.';
    ELSIF coalesce(cardinality(symbols), 0) = 0 THEN
        RAISE EXCEPTION 'universe % would become empty', quote_literal(universe_) USING ERRCODE = 'invalid_parameter_value', HINT = 'Name at least one symbol.';
    ELSIF cardinality(symbols) <> (SELECT count(DISTINCT s) FROM unnest(symbols) AS s) THEN
        RAISE EXCEPTION 'symbols name one of them twice, or none' USING ERRCODE = 'invalid_parameter_value', HINT = 'Each once: ' || array_to_string(symbols, ', ', 'null');
    END IF;
    -- From the next session of New York on that is not over, and never before one that is determined already.
    session_ := (now() AT TIME ZONE 'America/New_York')::date;
    session_ := greatest(
        coalesce((SELECT min(k.session) FROM market_calendar AS k WHERE k.calendar = 'XNYS' AND k.session >= session_), session_),
        (SELECT max(d.session) FROM universe_determinations AS d WHERE d.universe = universe_));
    SELECT array_agg(h.security_id ORDER BY s.place), string_agg(s.ticker, ', ' ORDER BY s.place) FILTER (WHERE h.security_id IS NULL)
    INTO wanted, unknown
    FROM unnest(symbols) WITH ORDINALITY AS s (ticker, place)
    LEFT JOIN LATERAL (
        SELECT i.security_id FROM ticker_intervals AS i
        WHERE i.ticker = s.ticker AND (i.valid_to IS NULL OR i.valid_to > session_) AND i.valid_from <= session_) AS h ON true;
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'not listed on %: %', session_, unknown USING ERRCODE = 'invalid_parameter_value', HINT = 'Nothing was changed.';
    END IF;
    SELECT coalesce(array_agg(m.security_id), '{}') INTO before
    FROM universe_memberships AS m
    WHERE m.universe = universe_ AND m.known_to IS NULL AND m.valid_from <= session_ AND (m.valid_to IS NULL OR m.valid_to > session_);
    IF before @> wanted AND wanted @> before THEN
        RETURN;
    END IF;
    at_ := greatest(clock_timestamp(),
        (SELECT max(d.determined_at) FROM universe_determinations AS d WHERE d.universe = universe_) + interval '1 microsecond',
        (SELECT max(m.known_from) FROM universe_memberships AS m WHERE m.universe = universe_ AND m.known_to IS NULL) + interval '1 microsecond');
    SELECT count(*) + 1 INTO times FROM universe_determinations AS d WHERE d.universe = universe_ AND d.session = session_;
    event_ := event_id_of(told_as, universe_, session_ || '#' || times);

    SELECT jsonb_agg(jsonb_build_object('change', x.change, 'security_id', x.security_id, 'symbol', t.ticker)
        ORDER BY x.change, x.place, t.ticker COLLATE "C")
    INTO changes_
    FROM (
        SELECT 'added' AS change, w.security_id, w.place FROM unnest(wanted) WITH ORDINALITY AS w (security_id, place)
        WHERE w.security_id <> ALL (before)
        UNION ALL
        SELECT 'removed', b.security_id, 0 FROM unnest(before) AS b (security_id) WHERE b.security_id <> ALL (wanted)) AS x
    CROSS JOIN LATERAL (
        SELECT i.ticker FROM ticker_intervals AS i WHERE i.security_id = x.security_id
        ORDER BY (i.valid_from <= session_) DESC, i.valid_from DESC LIMIT 1) AS t;

    -- Whoever leaves keeps the days before; whoever comes back the day it left has never been away.
    WITH retired AS (
        UPDATE universe_memberships AS m SET known_to = at_
        WHERE m.universe = universe_ AND m.known_to IS NULL
            AND (m.valid_to > session_ OR m.valid_to IS NULL) AND m.security_id <> ALL (wanted)
        RETURNING m.security_id, m.valid_from)
    INSERT INTO universe_memberships (universe, security_id, valid_from, valid_to, known_from)
    SELECT universe_, r.security_id, r.valid_from, session_, at_ FROM retired AS r WHERE r.valid_from < session_;
    WITH joined AS (
        SELECT w.security_id FROM unnest(wanted) AS w (security_id) WHERE w.security_id <> ALL (before)),
    retired AS (
        UPDATE universe_memberships AS m SET known_to = at_
        FROM joined AS j
        WHERE m.universe = universe_ AND m.known_to IS NULL AND m.security_id = j.security_id AND m.valid_to = session_
        RETURNING m.security_id, m.valid_from)
    INSERT INTO universe_memberships (universe, security_id, valid_from, valid_to, known_from)
    SELECT universe_, j.security_id, coalesce(r.valid_from, session_), NULL, at_
    FROM joined AS j LEFT JOIN retired AS r USING (security_id);

    INSERT INTO universe_determinations (universe, session, determined_at, rule_version, task, members, evidence, run_id)
    VALUES (universe_, session_, at_, NULL, 'set', cardinality(wanted), '{}', 'sql');
    UPDATE cache_entries AS c SET value = to_jsonb(symbols), last_universe_update = at_, updated_at = at_ WHERE c.key = universe_;
    INSERT INTO outbox (event_id, channel, subject, event, occurred_at)
    VALUES (event_, told_as, universe_, jsonb_build_object(
        'specversion', '1.0', 'id', event_, 'source', '/tickstock/dagster', 'type', told_as, 'subject', universe_,
        'time', to_char(at_ AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
            || CASE WHEN extract(microseconds FROM at_)::int % 1000000 = 0 THEN ''
                ELSE to_char(at_ AT TIME ZONE 'UTC', '.US') END || 'Z',
        'datacontenttype', 'application/json',
        'data', jsonb_build_object(
            'universe', universe_, 'session', session_,
            'added', (SELECT coalesce(jsonb_agg(jsonb_build_object('symbol', x ->> 'symbol', 'reason', why)), '[]')
                FROM jsonb_array_elements(changes_) AS x WHERE x ->> 'change' = 'added'),
            'removed', (SELECT coalesce(jsonb_agg(jsonb_build_object('symbol', x ->> 'symbol', 'reason', why)), '[]')
                FROM jsonb_array_elements(changes_) AS x WHERE x ->> 'change' = 'removed'),
            'members', cardinality(wanted), 'task', 'set', 'rule_version', NULL, 'run_id', 'sql')), at_);
    INSERT INTO sync_changes_log (session, universe, security_id, ticker, task, change, reason, event_id, run_id, changed_at)
    SELECT session_, universe_, (x ->> 'security_id')::bigint, x ->> 'symbol', 'set', x ->> 'change', why, event_, 'sql', at_
    FROM jsonb_array_elements(changes_) WITH ORDINALITY AS l (x, place)
    ORDER BY l.place;
    RETURN QUERY SELECT x ->> 'change', x ->> 'symbol' FROM jsonb_array_elements(changes_) WITH ORDINALITY AS l (x, place) ORDER BY l.place;
END
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Only members and their last 260 bars are adjusted: the view of adjusted prices works row by row.
CREATE VIEW etf_universe_performance AS
WITH members AS (
    SELECT c.key AS universe, c.universe_category AS theme, m.security_id
    FROM cache_entries AS c
    JOIN universe_memberships AS m ON m.universe = c.key AND m.known_to IS NULL AND m.valid_to IS NULL
    WHERE c.type = 'theme'
),
bars AS (
    SELECT f.security_id, b.ticker, b.session, b.price, b.back,
        b.price / lag(b.price) OVER fund - 1 AS daily,
        max(b.session) OVER (PARTITION BY f.security_id) AS last_session
    FROM (SELECT DISTINCT m.security_id FROM members AS m) AS f
    CROSS JOIN LATERAL (
        SELECT a.ticker, a.session, a.total_return_close::float8 AS price,
            row_number() OVER (ORDER BY a.session DESC) - 1 AS back
        FROM (
            SELECT p.ticker, p.session, p.total_return_close FROM ohlcv_daily_adjusted AS p
            WHERE p.security_id = f.security_id
            ORDER BY p.session DESC LIMIT 260) AS a) AS b
    WINDOW fund AS (PARTITION BY f.security_id ORDER BY b.session)
),
figures AS (
    SELECT b.security_id,
        max(b.ticker) FILTER (WHERE b.back = 0) AS symbol,
        max(b.last_session) AS session,
        max(b.price) FILTER (WHERE b.back = 0) AS price,
        max(b.price) FILTER (WHERE b.back = 1) AS price_1d,
        max(b.price) FILTER (WHERE b.back = 5) AS price_1w,
        max(b.price) FILTER (WHERE b.back = 21) AS price_1m,
        max(b.price) FILTER (WHERE b.back = 252) AS price_1y,
        (array_agg(b.price ORDER BY b.session DESC)
            FILTER (WHERE b.session < date_trunc('year', b.last_session)))[1] AS price_ytd,
        CASE WHEN count(b.daily) FILTER (WHERE b.back < 60) = 60
            THEN stddev_samp(b.daily) FILTER (WHERE b.back < 60) * sqrt(252) END AS volatility
    FROM bars AS b
    GROUP BY b.security_id
),
falls AS (
    SELECT y.security_id, min(y.price / y.peak - 1) AS max_drawdown
    FROM (
        SELECT b.security_id, b.price, max(b.price) OVER (PARTITION BY b.security_id ORDER BY b.session) AS peak
        FROM bars AS b
        WHERE b.back <= 252) AS y
    GROUP BY y.security_id
)
SELECT m.theme, m.universe, g.symbol, m.security_id, g.session,
    g.price / g.price_1d - 1 AS return_1d,
    g.price / g.price_1w - 1 AS return_1w,
    g.price / g.price_1m - 1 AS return_1m,
    g.price / g.price_ytd - 1 AS return_ytd,
    g.price / g.price_1y - 1 AS return_1y,
    g.volatility AS volatility_60d,
    d.max_drawdown AS max_drawdown_1y
FROM members AS m
JOIN figures AS g USING (security_id)
JOIN falls AS d USING (security_id);

REVOKE EXECUTE ON FUNCTION universe_key(text), get_cache_entries(text), etf_members(text), get_etf_universe(text, jsonb),
    validate_etf_universe_symbols(text), sha1(bytea), uuid_v5(uuid, text), event_id_of(text, text, text),
    update_etf_universe(text, text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION universe_key(text), get_cache_entries(text), etf_members(text), get_etf_universe(text, jsonb),
    validate_etf_universe_symbols(text) TO tickstock_app, tickstock_writer;
GRANT EXECUTE ON FUNCTION sha1(bytea), uuid_v5(uuid, text), event_id_of(text, text, text),
    update_etf_universe(text, text[], text) TO tickstock_writer;
GRANT SELECT ON etf_universe_performance TO tickstock_app, tickstock_writer;

COMMENT ON FUNCTION universe_key(text) IS 'Canonical name of a universe, given that or an alias; refuses an unknown one and names those that there are.';
COMMENT ON FUNCTION get_cache_entries(text) IS 'A universe by its name or an alias: its symbols in order, category, filter and metadata.';
COMMENT ON FUNCTION etf_members(text) IS 'Current members of a dated universe with their facts; average dollar volume over the last 20 bars of 45 days.';
COMMENT ON FUNCTION get_etf_universe(text, jsonb) IS 'Members of a theme with their facts, filtered: {"aum_min": 1e9, "expense_ratio_max": 0.005, "adv_usd_min": 5e6, "issuer": "Vanguard"}. A fund of which the fact is not known does not pass; an unknown filter is refused.';
COMMENT ON FUNCTION validate_etf_universe_symbols(text) IS 'Per symbol of a theme: ok, unknown, delisted, without_bars or breaks_filter, and why.';
COMMENT ON FUNCTION sha1(bytea) IS 'SHA-1, for UUIDs of version 5; not for secrets.';
COMMENT ON FUNCTION uuid_v5(uuid, text) IS 'UUID of version 5: the same name in the same namespace has the same one.';
COMMENT ON FUNCTION event_id_of(text, text, text) IS 'Identity of an event, as core.events.Event.of makes it of channel, subject and what tells it from others.';
COMMENT ON FUNCTION update_etf_universe(text, text[], text) IS 'Set a theme''s members from the next session on, with memberships, determination, log and event; returns who was added and removed, nothing where the members are those already.';
COMMENT ON VIEW etf_universe_performance IS 'Returns, volatility and drawdown of every theme''s current members, on prices adjusted for splits and dividends; null where the bars do not reach back.';
COMMENT ON COLUMN etf_universe_performance.theme IS 'The theme.';
COMMENT ON COLUMN etf_universe_performance.universe IS 'Canonical name of its universe.';
COMMENT ON COLUMN etf_universe_performance.symbol IS 'Ticker on the last stored session.';
COMMENT ON COLUMN etf_universe_performance.security_id IS 'The fund.';
COMMENT ON COLUMN etf_universe_performance.session IS 'Its last stored session.';
COMMENT ON COLUMN etf_universe_performance.return_1d IS 'Return over 1 session, as a fraction.';
COMMENT ON COLUMN etf_universe_performance.return_1w IS 'Return over 5 sessions.';
COMMENT ON COLUMN etf_universe_performance.return_1m IS 'Return over 21 sessions.';
COMMENT ON COLUMN etf_universe_performance.return_ytd IS 'Return since the last session of the year before.';
COMMENT ON COLUMN etf_universe_performance.return_1y IS 'Return over 252 sessions.';
COMMENT ON COLUMN etf_universe_performance.volatility_60d IS 'Standard deviation of the last 60 daily returns, for a year of 252 sessions.';
COMMENT ON COLUMN etf_universe_performance.max_drawdown_1y IS 'Deepest fall below an earlier peak within 252 sessions: -0.1 is 10 %.';
