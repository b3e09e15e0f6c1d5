"""Where bars and reference data come from: one protocol (`source`), several sources behind it."""
