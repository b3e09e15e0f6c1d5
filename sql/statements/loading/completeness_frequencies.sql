-- How each equity type is processed: realtime or eod, which the end of the day loads, or none.
SELECT equity_type, update_frequency FROM equity_types
