"""What a security is: identity, tickers and listing histories, symbol versions, equity types, ETF facts, sectors.

Membership in universes belongs in `core.universes`.
"""
