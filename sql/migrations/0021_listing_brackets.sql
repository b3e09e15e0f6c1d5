-- A list that lacks a ticker and a later one that has it are a bracket around its first day, as are the other two around
-- its last. `valid_from` and `valid_to` are the outer ends: under this ticker the security may have traded on these days.
-- Bars are expected on the days between the inner ends alone, on which its listing is proven.
ALTER TABLE ticker_intervals ADD COLUMN gone_on date;
ALTER TABLE ticker_intervals ADD COLUMN traded_from date;
ALTER TABLE ticker_intervals ADD COLUMN traded_to date;
ALTER TABLE ticker_intervals ADD COLUMN expected_from date NOT NULL GENERATED ALWAYS AS (
    CASE start_known WHEN 'absent_before' THEN least(seen_from, traded_from) ELSE valid_from END) STORED;
ALTER TABLE ticker_intervals ADD COLUMN expected_to date GENERATED ALWAYS AS (
    CASE WHEN gone_on IS NULL THEN valid_to ELSE least(valid_to, greatest(seen_to, traded_to) + 1) END) STORED;
-- Identity between two looks is proven or it is not: days for which the source states all tickers of a security.
ALTER TABLE ticker_intervals ADD COLUMN stated_from date;
ALTER TABLE ticker_intervals ADD COLUMN stated_to date;
ALTER TABLE securities ADD COLUMN tickers_asked_on date;
ALTER TABLE bar_gaps DROP CONSTRAINT bar_gaps_reason_known;
ALTER TABLE bar_gaps ADD CONSTRAINT bar_gaps_reason_known CHECK (
    reason IN ('no_trade', 'halted', 'vendor_late', 'vendor_missing', 'not_entitled', 'quarantined',
        'identity_unproven'));
ALTER TABLE ticker_intervals
    ADD CONSTRAINT ticker_intervals_stated_is_a_span CHECK (stated_from <= stated_to),
    ADD CONSTRAINT ticker_intervals_gone_after_seen CHECK (gone_on > seen_to),
    ADD CONSTRAINT ticker_intervals_traded_inside CHECK (
        traded_from >= valid_from AND traded_to < coalesce(valid_to, 'infinity'));

COMMENT ON COLUMN ticker_intervals.gone_on IS 'First list of the vendor after seen_to that lacks the security and proves that its listing may have ended; null where no list does, or where its end is stated.';
COMMENT ON COLUMN ticker_intervals.traded_from IS 'First day before seen_from with a bar, where the start lies between two lists; null where there is none.';
COMMENT ON COLUMN ticker_intervals.traded_to IS 'Last day after seen_to with a bar, where the end lies between two lists; null where there is none.';
COMMENT ON COLUMN ticker_intervals.expected_from IS 'First date on which bars are expected: valid_from where that is known or nothing contradicts it, else the first date on which a list or a bar shows the security.';
COMMENT ON COLUMN ticker_intervals.expected_to IS 'First date on which bars are no longer expected: valid_to, or where only absence from a list says that the listing ended, the day after the last list or bar that shows it; null while current.';
COMMENT ON COLUMN ticker_intervals.stated_from IS 'First day for which the source states all tickers of the security together, which proves whose the ticker was; null where it does not.';
COMMENT ON COLUMN ticker_intervals.stated_to IS 'First day after those.';
COMMENT ON COLUMN securities.tickers_asked_on IS 'When the vendor was last asked for all tickers of the security; it may not have known them.';
COMMENT ON COLUMN bar_gaps.reason IS 'Final: no_trade, halted. Open: vendor_late, vendor_missing, not_entitled, quarantined, identity_unproven.';
