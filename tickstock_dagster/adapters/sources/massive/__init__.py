"""Massive's REST API (formerly Polygon): endpoints, envelope, errors, and the reading of each answer.

Retries and the rate limit are the same for every source and belong in `adapters.sources`.
"""
