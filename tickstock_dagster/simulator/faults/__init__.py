"""What may go wrong on purpose: the catalogue of faults, when they strike, what they damage.

Refusals of plan and key are no faults; they belong in `simulator.http`.
"""
