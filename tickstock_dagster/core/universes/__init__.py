"""Which securities belong together and since when: rules, memberships, synchronisation, correlations, profiles.

What a security is belongs in `core.securities`.
"""
