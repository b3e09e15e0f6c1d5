"""Fair market values in the store: reading their inputs, asking the vendor, writing them beside their gaps.

The estimate itself belongs in `core.valuation`.
"""
