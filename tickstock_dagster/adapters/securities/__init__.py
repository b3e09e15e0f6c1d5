"""Securities in the store: listings, symbol versions, details, ETF profiles, equity types.

Members of universes belong in `adapters.universes`.
"""
