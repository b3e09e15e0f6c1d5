-- How each equity type is processed: realtime or eod. Both are loaded at the end of the day.
SELECT equity_type, update_frequency FROM equity_types
