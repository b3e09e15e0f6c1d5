-- A factor file states the close that each dividend is a share of, and need not come with that session's bar.
ALTER TABLE corporate_actions ADD COLUMN close_before numeric(18, 8);
ALTER TABLE corporate_actions ADD CONSTRAINT corporate_actions_close_before_is_a_price CHECK (
    close_before IS NULL OR (action = 'dividend' AND close_before > 0));
COMMENT ON COLUMN corporate_actions.close_before IS 'Close before the ex-date as the source states it, in the shares of the ex-date: the dividend counts as its share of this; null: of the stored close before.';
