-- Vendors print parts of shares, since 2026 on most rows. `volume` stays what consumers count, whole shares; what was
-- printed stands beside it where it is another number. Rows stored before have nothing there: what was printed then is
-- not known any more. A vendor that prints a fraction restates those that are read again, which final ones are not.
ALTER TABLE ohlcv_daily
    ADD COLUMN volume_printed numeric(24, 6),
    ADD CONSTRAINT ohlcv_daily_volume_printed_near CHECK (
        volume_printed IS NULL
        OR volume >= 1 AND volume_printed > 0 AND volume_printed <> volume AND abs(volume_printed - volume) < 1);
ALTER TABLE bar_restatements ADD COLUMN old_volume_printed numeric(24, 6);

COMMENT ON COLUMN ohlcv_daily.volume IS 'Whole shares traded, raw: what the source printed, rounded half to even, and 1 where less than half a share traded.';
COMMENT ON COLUMN ohlcv_daily.volume_printed IS 'Shares traded as printed, with six decimals, where that is not a whole number; null: volume is what was printed.';
COMMENT ON COLUMN bar_restatements.old_volume IS 'Volume before the correction, in whole shares.';
COMMENT ON COLUMN bar_restatements.old_volume_printed IS 'Volume as printed before the correction; null where it was a whole number.';
