"""Where market data comes from: the protocols of sources, Massive, files, retries, the rate limit, one fetcher.

Storing an answer belongs in the subject that asked.
"""
