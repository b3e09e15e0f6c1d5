-- Who is who: one row per security, and the intervals in which it printed under a ticker.

-- A range over text makes "no two securities hold one ticker on one day" an exclusion constraint without the
-- btree_gist extension, which not every PostgreSQL distribution carries.
CREATE TYPE ticker_range AS RANGE (subtype = text, collation = "C");

CREATE TABLE securities (
    security_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                   text,
    equity_type            text,
    primary_exchange       text,
    currency               text NOT NULL DEFAULT 'USD',
    cik                    text,
    composite_figi         text UNIQUE,
    share_class_figi       text,
    sic_code               text,
    sector                 text,
    shares_outstanding     bigint,
    list_date              date,
    list_date_source       text,
    delisted_on            date,
    etf_type               varchar(50),
    aum_usd                numeric(20, 2),
    aum_millions           numeric(14, 2) GENERATED ALWAYS AS (aum_usd / 1000000) STORED,
    expense_ratio          numeric(8, 6),
    underlying_index       varchar(100),
    correlation_reference  varchar(10),
    updated_at             timestamptz NOT NULL,
    CONSTRAINT securities_shares_positive CHECK (shares_outstanding > 0),
    CONSTRAINT securities_aum_not_negative CHECK (aum_usd >= 0),
    CONSTRAINT securities_expense_ratio_is_a_fraction CHECK (expense_ratio BETWEEN 0 AND 0.2),
    CONSTRAINT securities_list_date_has_a_source CHECK ((list_date IS NULL) = (list_date_source IS NULL)),
    CONSTRAINT securities_list_date_source_known CHECK (list_date_source IN ('vendor', 'first_bar')),
    CONSTRAINT securities_listed_before_delisted CHECK (delisted_on > list_date)
);
CREATE INDEX idx_symbols_etf_type ON securities (etf_type) WHERE etf_type IS NOT NULL;
CREATE INDEX idx_symbols_aum ON securities (aum_millions) WHERE aum_millions IS NOT NULL;

CREATE TABLE ticker_intervals (
    security_id  bigint NOT NULL REFERENCES securities,
    ticker       text NOT NULL,
    valid_from   date NOT NULL,
    valid_to     date,
    start_known  text NOT NULL,
    seen_from    date NOT NULL,
    seen_to      date NOT NULL,
    PRIMARY KEY (security_id, valid_from),
    CONSTRAINT ticker_intervals_start_known CHECK (
        start_known IN ('unknown', 'absent_before', 'first_bar', 'vendor')),
    CONSTRAINT ticker_intervals_seen_inside CHECK (
        seen_from >= valid_from AND seen_to >= seen_from AND seen_to < coalesce(valid_to, 'infinity')),
    CONSTRAINT ticker_intervals_not_empty CHECK (valid_to > valid_from),
    CONSTRAINT ticker_intervals_ticker_not_blank CHECK (ticker = btrim(ticker) AND ticker <> ''),
    CONSTRAINT ticker_intervals_one_security_per_ticker_and_day
        EXCLUDE USING gist (ticker_range(ticker, ticker, '[]') WITH &&, daterange(valid_from, valid_to) WITH &&),
    CONSTRAINT ticker_intervals_one_ticker_per_security_and_day
        EXCLUDE USING gist (int8range(security_id, security_id, '[]') WITH &&, daterange(valid_from, valid_to) WITH &&)
);
CREATE INDEX ticker_intervals_by_ticker ON ticker_intervals (ticker);

CREATE VIEW symbols AS
SELECT DISTINCT ON (s.security_id)
    i.ticker AS symbol,
    s.security_id,
    s.name,
    s.equity_type,
    s.primary_exchange,
    s.currency,
    s.cik,
    s.composite_figi,
    s.sic_code,
    s.sector,
    s.shares_outstanding,
    s.list_date,
    s.delisted_on,
    i.valid_to IS NULL AND s.delisted_on IS NULL AS active,
    s.etf_type,
    s.aum_usd,
    s.aum_millions,
    s.expense_ratio,
    s.underlying_index,
    s.correlation_reference,
    s.updated_at
FROM securities AS s
JOIN ticker_intervals AS i USING (security_id)
ORDER BY s.security_id, i.valid_from DESC;

GRANT SELECT, INSERT, UPDATE ON securities TO tickstock_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ticker_intervals TO tickstock_writer;

COMMENT ON TYPE ticker_range IS 'A range over text in byte order; carries the exclusion constraint on ticker_intervals.';
COMMENT ON TABLE securities IS 'One row per security, which keeps its identity through renames and re-use of its ticker. Never deleted.';
COMMENT ON COLUMN securities.security_id IS 'Surrogate identity; no meaning outside this database.';
COMMENT ON COLUMN securities.name IS 'Name as the vendor gives it.';
COMMENT ON COLUMN securities.equity_type IS 'Vendor type code: CS, ADRC, PFD, WARRANT, ETF, ETN, ETV, …';
COMMENT ON COLUMN securities.primary_exchange IS 'MIC of the listing venue: XNYS, XNAS, XASE, ARCX, BATS, …';
COMMENT ON COLUMN securities.currency IS 'ISO 4217 code of the prices.';
COMMENT ON COLUMN securities.cik IS 'SEC Central Index Key, 10 digits.';
COMMENT ON COLUMN securities.composite_figi IS 'Composite FIGI; the best identity that survives a rename.';
COMMENT ON COLUMN securities.share_class_figi IS 'Share-class FIGI.';
COMMENT ON COLUMN securities.sic_code IS 'SEC Standard Industrial Classification, 4 digits as text.';
COMMENT ON COLUMN securities.sector IS 'Sector derived from SIC and description.';
COMMENT ON COLUMN securities.shares_outstanding IS 'Shares outstanding, newest known.';
COMMENT ON COLUMN securities.list_date IS 'First trading date, in the exchange''s calendar.';
COMMENT ON COLUMN securities.list_date_source IS 'Where list_date is from: vendor (stated) or first_bar (the vendor''s history begins there and its list of an earlier day lacks the ticker).';
COMMENT ON COLUMN securities.delisted_on IS 'First date on which it no longer trades; null while listed.';
COMMENT ON COLUMN securities.etf_type IS 'Class of an ETF (theme); null for everything else.';
COMMENT ON COLUMN securities.aum_usd IS 'Assets under management, US dollars.';
COMMENT ON COLUMN securities.aum_millions IS 'Assets under management, millions of US dollars; generated from aum_usd.';
COMMENT ON COLUMN securities.expense_ratio IS 'Yearly cost as a fraction of assets: 0.0075 is 0.75 %.';
COMMENT ON COLUMN securities.underlying_index IS 'Index that an ETF tracks.';
COMMENT ON COLUMN securities.correlation_reference IS 'Ticker against which an ETF''s correlation is watched: SPY, IWM, …';
COMMENT ON COLUMN securities.updated_at IS 'When the row last changed.';
COMMENT ON TABLE ticker_intervals IS 'The days on which a security printed under a ticker. No ticker belongs to two securities on one day.';
COMMENT ON COLUMN ticker_intervals.security_id IS 'The security.';
COMMENT ON COLUMN ticker_intervals.ticker IS 'Ticker as printed, with a dot for share classes (BRK.B).';
COMMENT ON COLUMN ticker_intervals.valid_from IS 'First date under this ticker; 1900-01-01 where nothing earlier is known.';
COMMENT ON COLUMN ticker_intervals.valid_to IS 'First date no longer under this ticker; null while current.';
COMMENT ON COLUMN ticker_intervals.start_known IS 'How well valid_from is known: unknown (it may be later), absent_before (an earlier list of the vendor lacks it: the earliest possible), first_bar (the vendor''s history begins there), vendor (a stated change).';
COMMENT ON COLUMN ticker_intervals.seen_from IS 'Earliest date on which a list of the vendor showed it.';
COMMENT ON COLUMN ticker_intervals.seen_to IS 'Latest date on which a list of the vendor showed it.';
COMMENT ON VIEW symbols IS 'TickStockApp''s view of securities: one row each, under the ticker held last.';
COMMENT ON COLUMN symbols.symbol IS 'The current ticker, or the last one held.';
COMMENT ON COLUMN symbols.security_id IS 'See securities.security_id.';
COMMENT ON COLUMN symbols.name IS 'See securities.name.';
COMMENT ON COLUMN symbols.equity_type IS 'See securities.equity_type.';
COMMENT ON COLUMN symbols.primary_exchange IS 'See securities.primary_exchange.';
COMMENT ON COLUMN symbols.currency IS 'See securities.currency.';
COMMENT ON COLUMN symbols.cik IS 'See securities.cik.';
COMMENT ON COLUMN symbols.composite_figi IS 'See securities.composite_figi.';
COMMENT ON COLUMN symbols.sic_code IS 'See securities.sic_code.';
COMMENT ON COLUMN symbols.sector IS 'See securities.sector.';
COMMENT ON COLUMN symbols.shares_outstanding IS 'See securities.shares_outstanding.';
COMMENT ON COLUMN symbols.list_date IS 'See securities.list_date.';
COMMENT ON COLUMN symbols.delisted_on IS 'See securities.delisted_on.';
COMMENT ON COLUMN symbols.active IS 'Whether it is listed now.';
COMMENT ON COLUMN symbols.etf_type IS 'See securities.etf_type.';
COMMENT ON COLUMN symbols.aum_usd IS 'See securities.aum_usd.';
COMMENT ON COLUMN symbols.aum_millions IS 'See securities.aum_millions.';
COMMENT ON COLUMN symbols.expense_ratio IS 'See securities.expense_ratio.';
COMMENT ON COLUMN symbols.underlying_index IS 'See securities.underlying_index.';
COMMENT ON COLUMN symbols.correlation_reference IS 'See securities.correlation_reference.';
COMMENT ON COLUMN symbols.updated_at IS 'See securities.updated_at.';
