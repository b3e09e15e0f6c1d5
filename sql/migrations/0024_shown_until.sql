-- What only files of bars have shown is listed for sure while they go on; whether it trades on later days, no vendor can
-- be asked. Its bars are expected up to the last day of the content that showed it.
ALTER TABLE ticker_intervals ADD COLUMN shown_until date;
ALTER TABLE ticker_intervals DROP COLUMN expected_to;
ALTER TABLE ticker_intervals ADD COLUMN expected_to date GENERATED ALWAYS AS (
    CASE
        WHEN gone_on IS NOT NULL THEN least(valid_to, greatest(seen_to, traded_to) + 1)
        WHEN shown_until IS NOT NULL THEN least(valid_to, greatest(shown_until, seen_to) + 1)
        ELSE valid_to
    END) STORED;
COMMENT ON COLUMN ticker_intervals.shown_until IS 'Last day of the files that showed the listing, while no ticker list has; null else.';
COMMENT ON COLUMN ticker_intervals.expected_to IS 'First date on which bars are no longer expected: valid_to, or where only absence from a list says that the listing ended, the day after the last list or bar that shows it, or where only files have shown it, the day after their last day; null while current.';
