"""Faults on purpose: the catalogue, which calls they strike, and what they damage.

Refusals because of plan or key are not faults; they belong in `simulator.http`.
"""
