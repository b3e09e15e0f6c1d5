-- Facts about symbols: the ticker list as a past day showed it, details, shares as known at the time, ETF profiles.
ALTER TABLE work_units DROP CONSTRAINT work_units_kind_known;
ALTER TABLE work_units ADD CONSTRAINT work_units_kind_known CHECK (kind IN (
    'range', 'grouped', 'flat_file', 'listings', 'delisted', 'splits', 'dividends', 'session', 'details', 'etf_profiles',
    'sync'));
COMMENT ON COLUMN work_units.kind IS 'range (one ticker, many sessions), grouped (one session, all tickers), flat_file, listings (the list of a day), delisted (the list of the delisted), splits, dividends, session (a session declared complete), details (one ticker), etf_profiles, or sync (a session''s universes).';

ALTER TABLE securities ADD COLUMN sic_description text;
ALTER TABLE securities ADD COLUMN issuer text;
ALTER TABLE securities ADD COLUMN themes text[];
ALTER TABLE securities ADD COLUMN details_at timestamptz;
ALTER TABLE securities ADD COLUMN details_on date;
ALTER TABLE securities ADD CONSTRAINT securities_themes_not_empty CHECK (cardinality(themes) > 0);
COMMENT ON COLUMN securities.sic_description IS 'Words of the SIC code, as the vendor gives them.';
COMMENT ON COLUMN securities.issuer IS 'Fund family of an ETF.';
COMMENT ON COLUMN securities.themes IS 'Themes for which an ETF may be chosen: sectors, growth, value, international, commodities, technology, bonds; null for everything else.';
COMMENT ON COLUMN securities.details_at IS 'When the vendor was last asked for its details.';
COMMENT ON COLUMN securities.details_on IS 'Session of which the details speak; those of an earlier one never replace them.';

CREATE TABLE symbol_versions (
    security_id       bigint NOT NULL REFERENCES securities,
    seen_from         date NOT NULL,
    seen_to           date NOT NULL,
    ticker            text NOT NULL,
    name              text,
    equity_type       text,
    primary_exchange  text,
    cik               text,
    share_class_figi  text,
    known_at          timestamptz NOT NULL,
    PRIMARY KEY (security_id, seen_from),
    CONSTRAINT symbol_versions_seen_range CHECK (seen_to >= seen_from)
);

CREATE TABLE security_shares (
    security_id  bigint NOT NULL REFERENCES securities,
    as_of        date NOT NULL,
    shares       bigint NOT NULL,
    source       text NOT NULL,
    known_at     timestamptz NOT NULL,
    PRIMARY KEY (security_id, as_of, source),
    CONSTRAINT security_shares_positive CHECK (shares > 0)
);

CREATE TABLE etf_profiles (
    ticker                 text NOT NULL,
    source                 text NOT NULL,
    as_of                  date NOT NULL,
    name                   text,
    issuer                 text,
    category               text,
    themes                 text[],
    etf_type               varchar(50),
    underlying_index       varchar(100),
    correlation_reference  varchar(10),
    primary_exchange       text,
    inception_date         date,
    aum_usd                numeric(20, 2),
    aum_source             text,
    expense_ratio          numeric(8, 6),
    expense_ratio_source   text,
    known_at               timestamptz NOT NULL,
    PRIMARY KEY (ticker, source, as_of),
    CONSTRAINT etf_profiles_aum_plausible CHECK (aum_usd BETWEEN 10000 AND 5000000000000),
    CONSTRAINT etf_profiles_expense_ratio_is_a_fraction CHECK (expense_ratio BETWEEN 0 AND 0.2),
    CONSTRAINT etf_profiles_figures_have_a_source CHECK (
        (aum_usd IS NULL) = (aum_source IS NULL) AND (expense_ratio IS NULL) = (expense_ratio_source IS NULL))
);

GRANT SELECT, INSERT, UPDATE, DELETE ON symbol_versions TO tickstock_writer;
GRANT SELECT, INSERT, UPDATE ON security_shares, etf_profiles TO tickstock_writer;

COMMENT ON TABLE symbol_versions IS 'What the vendor''s dated lists said of a security: the newest row that begins on or before a day is that day''s.';
COMMENT ON COLUMN symbol_versions.security_id IS 'The security.';
COMMENT ON COLUMN symbol_versions.seen_from IS 'First list that said so.';
COMMENT ON COLUMN symbol_versions.seen_to IS 'Last list that said so.';
COMMENT ON COLUMN symbol_versions.ticker IS 'Ticker as printed.';
COMMENT ON COLUMN symbol_versions.name IS 'Name as the vendor gave it.';
COMMENT ON COLUMN symbol_versions.equity_type IS 'Vendor type code: CS, ETF, WARRANT, …';
COMMENT ON COLUMN symbol_versions.primary_exchange IS 'MIC of the listing venue.';
COMMENT ON COLUMN symbol_versions.cik IS 'SEC Central Index Key, 10 digits.';
COMMENT ON COLUMN symbol_versions.share_class_figi IS 'Share-class FIGI.';
COMMENT ON COLUMN symbol_versions.known_at IS 'When the row was first written.';
COMMENT ON TABLE security_shares IS 'Shares outstanding as known on a day; none is ever overwritten by a later one.';
COMMENT ON COLUMN security_shares.security_id IS 'The security.';
COMMENT ON COLUMN security_shares.as_of IS 'Session on which this was the vendor''s number, in shares of that day.';
COMMENT ON COLUMN security_shares.shares IS 'Shares outstanding of this class.';
COMMENT ON COLUMN security_shares.source IS 'The source asked.';
COMMENT ON COLUMN security_shares.known_at IS 'When it was asked.';
COMMENT ON TABLE etf_profiles IS 'Facts about ETFs by source and day; the newest per ticker counts, the vendor''s before the shipped seed.';
COMMENT ON COLUMN etf_profiles.ticker IS 'Ticker as printed.';
COMMENT ON COLUMN etf_profiles.source IS 'The vendor''s name, or seed (the file shipped with this release).';
COMMENT ON COLUMN etf_profiles.as_of IS 'Day of which the facts speak.';
COMMENT ON COLUMN etf_profiles.name IS 'Name of the fund.';
COMMENT ON COLUMN etf_profiles.issuer IS 'Fund family.';
COMMENT ON COLUMN etf_profiles.category IS 'Category in words: US large growth, gold, …';
COMMENT ON COLUMN etf_profiles.themes IS 'Themes for which it may be chosen; null where none.';
COMMENT ON COLUMN etf_profiles.etf_type IS 'Its class: one of the themes, or broad_market, dividend, size, real_estate, …';
COMMENT ON COLUMN etf_profiles.underlying_index IS 'Index that it tracks; null for active funds.';
COMMENT ON COLUMN etf_profiles.correlation_reference IS 'Ticker against which its correlation is watched.';
COMMENT ON COLUMN etf_profiles.primary_exchange IS 'MIC of the listing venue.';
COMMENT ON COLUMN etf_profiles.inception_date IS 'First day of the fund.';
COMMENT ON COLUMN etf_profiles.aum_usd IS 'Assets under management, US dollars.';
COMMENT ON COLUMN etf_profiles.aum_source IS 'Where the AUM is from, with its own date.';
COMMENT ON COLUMN etf_profiles.expense_ratio IS 'Yearly cost as a fraction of assets: 0.0009 is 0.09 %.';
COMMENT ON COLUMN etf_profiles.expense_ratio_source IS 'Where the expense ratio is from, with its own date.';
COMMENT ON COLUMN etf_profiles.known_at IS 'When the row was written.';

-- The newest number known on the day, in shares of that day: splits since then multiply it.
CREATE FUNCTION shares_on("on" date) RETURNS TABLE (security_id bigint, shares numeric)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT k.security_id, k.shares * f.factor
    FROM (
        SELECT DISTINCT ON (h.security_id) h.security_id, h.shares, h.as_of
        FROM security_shares AS h
        WHERE h.as_of <= $1
        ORDER BY h.security_id, h.as_of DESC, h.known_at DESC, h.source) AS k
    CROSS JOIN LATERAL (
        SELECT coalesce(product(a.split_to / a.split_from), 1) AS factor
        FROM corporate_actions AS a
        WHERE a.security_id = k.security_id AND a.action = 'split' AND a.known_to IS NULL
            AND a.ex_date > k.as_of AND a.ex_date <= $1) AS f
$$;

-- A day without a list of its own is as the newest list before it. The close is at most eight days old, which five
-- sessions never exceed but around two holidays.
CREATE FUNCTION symbols_on("on" date) RETURNS TABLE (
    ticker text, security_id bigint, name text, equity_type text, primary_exchange text, cik text, sector text,
    sic_code text, shares numeric, close numeric, market_cap numeric, list_date date, delisted_on date)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH seen AS (
        SELECT max(u.last_session) AS day
        FROM work_units AS u
        WHERE u.kind = 'listings' AND u.subject = '*' AND u.status = 'done' AND u.rows > 0 AND u.last_session <= $1
            AND EXISTS (
                SELECT FROM symbol_versions AS e WHERE e.seen_from <= u.last_session AND e.seen_to >= u.last_session))
    SELECT v.ticker, v.security_id, v.name, v.equity_type, v.primary_exchange, v.cik, s.sector, s.sic_code, h.shares,
        b.close, h.shares * b.close, s.list_date, s.delisted_on
    FROM seen
    JOIN symbol_versions AS v ON v.seen_from <= seen.day AND v.seen_to >= seen.day
    JOIN securities AS s USING (security_id)
    LEFT JOIN shares_on($1) AS h USING (security_id)
    LEFT JOIN LATERAL (
        SELECT d.close
        FROM ohlcv_daily AS d
        WHERE d.security_id = v.security_id AND d.session <= $1 AND d.session > $1 - 8 AND d.close IS NOT NULL
        ORDER BY d.session DESC
        LIMIT 1) AS b ON true
    WHERE s.delisted_on IS NULL OR s.delisted_on > $1
    ORDER BY v.ticker COLLATE "C"
$$;
REVOKE EXECUTE ON FUNCTION shares_on(date), symbols_on(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shares_on(date), symbols_on(date) TO tickstock_app, tickstock_writer;
COMMENT ON FUNCTION shares_on(date) IS 'Shares outstanding as known on a day, in shares of that day.';
COMMENT ON FUNCTION symbols_on(date) IS 'The symbols listed on a past day: ticker, name, type and exchange as its list showed them; shares known then; raw close of the day or of the last eight days; market cap in US dollars = close × shares. Sector and SIC code are those known now.';
