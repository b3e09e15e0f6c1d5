-- Universes as TickStockApp reads them.
CREATE TABLE cache_entries (
    key                   text PRIMARY KEY,
    type                  text NOT NULL,
    name                  text NOT NULL,
    value                 jsonb NOT NULL,
    track                 boolean NOT NULL DEFAULT false,
    universe_category     text,
    liquidity_filter      jsonb,
    universe_metadata     jsonb,
    last_universe_update  timestamptz,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    CONSTRAINT cache_entries_universe_is_a_list CHECK (jsonb_typeof(value) = 'array')
);
CREATE INDEX cache_entries_by_category ON cache_entries (universe_category);
CREATE INDEX cache_entries_liquidity_filter ON cache_entries USING gin (liquidity_filter);
CREATE INDEX cache_entries_universe_metadata ON cache_entries USING gin (universe_metadata);

GRANT SELECT, INSERT, UPDATE ON cache_entries TO tickstock_writer;

COMMENT ON TABLE cache_entries IS 'Universes: named lists of tickers, as of now.';
COMMENT ON COLUMN cache_entries.key IS 'Canonical name: etf_growth, top_100, profile_dev, …';
COMMENT ON COLUMN cache_entries.type IS 'What kind of universe: profile, theme, size, list.';
COMMENT ON COLUMN cache_entries.name IS 'Name shown to people.';
COMMENT ON COLUMN cache_entries.value IS 'JSON array of tickers, in the order in which they are loaded.';
COMMENT ON COLUMN cache_entries.track IS 'Whether its members'' bars are expected on every session.';
COMMENT ON COLUMN cache_entries.universe_category IS 'Category of a theme.';
COMMENT ON COLUMN cache_entries.liquidity_filter IS 'The rule over facts that members keep.';
COMMENT ON COLUMN cache_entries.universe_metadata IS 'Aliases, rule version and other facts about the universe.';
COMMENT ON COLUMN cache_entries.last_universe_update IS 'When the members last changed.';
COMMENT ON COLUMN cache_entries.created_at IS 'When the universe was made.';
COMMENT ON COLUMN cache_entries.updated_at IS 'When the row last changed.';
