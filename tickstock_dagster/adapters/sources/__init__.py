"""Where market data comes from: the protocols of sources, Massive, files, retries, the rate limit, one fetcher.

What becomes of an answer belongs in the subject that asked.
"""
