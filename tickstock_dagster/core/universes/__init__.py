"""Which securities belong together, and since when: rules, memberships, synchronisation, correlations, profiles.

The identity of securities belongs in `core.securities`.
"""
