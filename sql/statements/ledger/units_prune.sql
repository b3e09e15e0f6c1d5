-- Old units that are over: cancelled ones, and receipts that a later one replaced. Neither work nor evidence.
SELECT remove_finished_units(%(before)s)
