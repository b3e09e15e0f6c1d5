-- Themes of ETFs for TickStockApp: whether a fund keeps its theme's filter, setting members by hand, performance.

-- Whether a fund keeps the filter in force of a theme. The theme that its rule names counts as well: a commodity fund is no
-- bond fund, whatever its size. So do the rules of its equity type: who fails them is no member. A fact that is not known breaks nothing, and is named. Dollar volume is the mean of the last
-- 20 bars, of the last 45 days.
CREATE OR REPLACE FUNCTION etf_filter_state(wanted text, fund bigint) RETURNS TABLE (bars bigint, breaks text, missing text)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT v.bars, broken.said, unknown.facts
    FROM cache_entries AS c
    CROSS JOIN securities AS s
    CROSS JOIN LATERAL (
        SELECT count(*) AS bars, avg(recent.close * recent.volume) AS adv_usd
        FROM (
            SELECT b.session, b.close, b.volume FROM ohlcv_daily AS b
            WHERE b.security_id = s.security_id AND NOT b.is_fmv
            ORDER BY b.session DESC LIMIT 20) AS recent
        WHERE recent.session > (SELECT max(n.session) FROM ohlcv_daily AS n) - 45) AS v
    LEFT JOIN LATERAL (
        SELECT x.condition ->> 'value' AS theme
        FROM universe_rules AS r
        CROSS JOIN LATERAL jsonb_array_elements(r.rule -> 'candidates') AS x (condition)
        WHERE r.universe = c.key AND r.version = (SELECT max(n.version) FROM universe_rules AS n WHERE n.universe = c.key)
            AND x.condition ->> 'field' = 'themes' AND x.condition ->> 'op' = 'contains'
        LIMIT 1) AS t ON true
    LEFT JOIN symbol_validations AS w USING (security_id)
    CROSS JOIN LATERAL (
        SELECT string_agg(b.said, '; ' ORDER BY b.said) AS said
        FROM (VALUES
            (s.aum_usd < (c.liquidity_filter ->> 'aum_min')::numeric,
                'aum_usd ' || s.aum_usd || ' is below ' || (c.liquidity_filter ->> 'aum_min')),
            (v.adv_usd < (c.liquidity_filter ->> 'adv_usd_min')::numeric,
                'adv20_usd ' || round(v.adv_usd, 2) || ' is below ' || (c.liquidity_filter ->> 'adv_usd_min')),
            (s.expense_ratio > (c.liquidity_filter ->> 'expense_ratio_max')::numeric,
                'expense_ratio ' || s.expense_ratio || ' is above ' || (c.liquidity_filter ->> 'expense_ratio_max')),
            (s.etf_type IS NOT NULL AND NOT coalesce(s.themes @> ARRAY[t.theme], t.theme IS NULL),
                'themes ' || coalesce(array_to_string(s.themes, ', '), 'none') || ' lack ' || t.theme),
            (w.verdict = 'fails', 'fails the rules of its type: ' || w.reason)
        ) AS b (breaks, said)
        WHERE b.breaks) AS broken
    CROSS JOIN LATERAL (
        SELECT string_agg(f.name, ', ') AS facts
        FROM (VALUES ('aum_usd', s.aum_usd), ('expense_ratio', s.expense_ratio)) AS f (name, value)
        WHERE f.value IS NULL) AS unknown
    WHERE c.key = wanted AND s.security_id = fund
$$;

CREATE OR REPLACE FUNCTION validate_etf_universe_symbols(theme text) RETURNS TABLE (symbol text, verdict text, reason text)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT listed.ticker,
        CASE WHEN h.security_id IS NULL THEN 'unknown'
            WHEN h.gone_on IS NOT NULL THEN 'delisted'
            WHEN k.bars = 0 THEN 'without_bars'
            WHEN k.breaks IS NOT NULL THEN 'breaks_filter'
            WHEN k.missing IS NOT NULL THEN 'unknown'
            ELSE 'ok' END,
        CASE WHEN h.security_id IS NULL THEN 'no security is known to hold this ticker'
            WHEN h.gone_on IS NOT NULL THEN 'not listed since ' || h.gone_on
            WHEN k.bars = 0 THEN 'no bar is stored of the last 45 days'
            ELSE coalesce(k.breaks, 'not known: ' || k.missing, 'keeps the filter') END
    FROM cache_entries AS c
    CROSS JOIN LATERAL jsonb_array_elements_text(c.value) WITH ORDINALITY AS listed (ticker, place)
    LEFT JOIN LATERAL (
        SELECT s.security_id, coalesce(s.delisted_on, i.valid_to) AS gone_on
        FROM ticker_intervals AS i
        JOIN securities AS s USING (security_id)
        WHERE i.ticker = listed.ticker
        ORDER BY i.valid_from DESC
        LIMIT 1) AS h ON true
    LEFT JOIN LATERAL etf_filter_state(c.key, h.security_id) AS k ON true
    WHERE c.key = universe_key(theme)
    ORDER BY listed.place
$$;

-- Setting a theme's members by hand, with the bookkeeping of adapters.universes.membership_store: two clocks, log, event.
-- Whoever sets members means these funds; one that is known to break the filter would leave with the next
-- synchronisation, and is refused. Members that break it already may stay.
CREATE OR REPLACE FUNCTION update_etf_universe(theme text, symbols text[], reason text) RETURNS TABLE (change text, symbol text)
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
    broken text;
    event_ uuid;
    changes_ jsonb;
    known jsonb;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('universe_memberships'));
    universe_ := universe_key(theme);
    IF NOT EXISTS (SELECT FROM cache_entries AS c WHERE c.key = universe_ AND c.type = 'theme' AND c.membership = 'dated') THEN
        RAISE EXCEPTION 'universe % is no theme', quote_literal(universe_) USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Themes are: ' || coalesce((SELECT string_agg(c.key, ', ' ORDER BY c.key) FROM cache_entries AS c WHERE c.type = 'theme'), 'none yet');
    ELSIF coalesce(why, '') = '' THEN
        RAISE EXCEPTION 'reason is missing' USING ERRCODE = 'invalid_parameter_value', HINT = 'Say why, in words.';
    ELSIF why ~ '[[:cntrl:]]' THEN
        RAISE EXCEPTION 'reason % has control characters', quote_literal(regexp_replace(why, '[[:cntrl:]]', '?', 'g'))
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Say why, in one line of printable characters.';
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
    SELECT string_agg(i.ticker || ' (' || k.breaks || ')', ', ' ORDER BY w.place) INTO broken
    FROM unnest(wanted) WITH ORDINALITY AS w (security_id, place)
    JOIN ticker_intervals AS i ON i.security_id = w.security_id AND i.ticker = ANY (symbols) AND covers(i.valid_from, i.valid_to, session_)
    CROSS JOIN LATERAL etf_filter_state(universe_, w.security_id) AS k
    WHERE w.security_id <> ALL (before) AND k.breaks IS NOT NULL;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'the filter of % does not admit %', universe_, broken USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Nothing was changed. Leave them out, or give the theme another rule: tickstock universe set ' || universe_ || ' --rule FILE';
    END IF;
    SELECT string_agg(i.ticker, ', ' ORDER BY w.place) INTO unknown
    FROM unnest(wanted) WITH ORDINALITY AS w (security_id, place)
    JOIN securities AS s USING (security_id)
    JOIN ticker_intervals AS i ON i.security_id = w.security_id AND i.ticker = ANY (symbols) AND covers(i.valid_from, i.valid_to, session_)
    WHERE w.security_id <> ALL (before) AND s.etf_type IS NULL;
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'the themes of % are not known', unknown USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Nothing was changed. `tickstock reference refresh` fetches the facts of ETFs.';
    END IF;
    at_ := greatest(clock_timestamp(),
        (SELECT max(d.determined_at) FROM universe_determinations AS d WHERE d.universe = universe_) + interval '1 microsecond',
        (SELECT max(m.known_from) FROM universe_memberships AS m WHERE m.universe = universe_ AND m.known_to IS NULL) + interval '1 microsecond');
    -- What the determination before says of those that join and leave goes into the log.
    SELECT d.evidence INTO known FROM universe_determinations AS d
    WHERE d.universe = universe_ AND d.session <= session_ ORDER BY d.session DESC, d.determined_at DESC LIMIT 1;
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
            'members', cardinality(wanted), 'task', 'set', 'rule_version', NULL, 'run_id', NULL)), at_);
    INSERT INTO sync_changes_log (session, universe, security_id, ticker, task, change, reason, before, event_id, run_id, changed_at)
    SELECT session_, universe_, (x ->> 'security_id')::bigint, x ->> 'symbol', 'set', x ->> 'change', why,
        known -> (x ->> 'symbol'), event_, 'sql', at_
    FROM jsonb_array_elements(changes_) WITH ORDINALITY AS l (x, place)
    ORDER BY l.place;
    RETURN QUERY SELECT x ->> 'change', x ->> 'symbol' FROM jsonb_array_elements(changes_) WITH ORDINALITY AS l (x, place) ORDER BY l.place;
END
$$;

-- A year's return counts from the last close on or before the same day of the year before, at most a week before it: a
-- load of one year reaches it.
-- Only members and their last 270 bars are read, each by its key.
CREATE OR REPLACE VIEW etf_universe_performance AS
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
            ORDER BY p.session DESC LIMIT 270) AS a) AS b
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
        (array_agg(b.price ORDER BY b.session DESC) FILTER (
            WHERE b.session <= (b.last_session - interval '1 year')::date
                AND b.session > (b.last_session - interval '1 year')::date - 8))[1] AS price_1y,
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

REVOKE EXECUTE ON FUNCTION etf_filter_state(text, bigint), validate_etf_universe_symbols(text),
    update_etf_universe(text, text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION etf_filter_state(text, bigint), validate_etf_universe_symbols(text)
    TO tickstock_app, tickstock_writer;
GRANT EXECUTE ON FUNCTION update_etf_universe(text, text[], text) TO tickstock_writer;
GRANT SELECT ON etf_universe_performance TO tickstock_app, tickstock_writer;
COMMENT ON FUNCTION etf_filter_state(text, bigint) IS 'Of a fund and a theme''s universe: bars of the last 45 days (at most 20), what of the filter in force it breaks (null: nothing), and which of AUM and costs are not known (null: both are).';
COMMENT ON FUNCTION validate_etf_universe_symbols(text) IS 'Per symbol of a theme: ok, unknown (the ticker, its AUM or its costs), delisted, without_bars or breaks_filter, and why.';
COMMENT ON FUNCTION update_etf_universe(text, text[], text) IS 'Set a theme''s members from the next session on, with memberships, determination, log and event; returns who was added and removed, nothing where the members are those already. Refuses funds that are to join and are known to break the theme''s filter.';
COMMENT ON COLUMN etf_universe_performance.return_1y IS 'Return since the last session on or before the same day of the year before.';
COMMENT ON COLUMN sync_changes_log.before IS 'Facts at the determination before, or settings before; null where none were recorded, as of a new listing.';
COMMENT ON COLUMN sync_changes_log.run_id IS 'The Dagster run; cli or sql outside of Dagster.';
