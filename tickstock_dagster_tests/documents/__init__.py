"""Documents as a reader types them: every command and snippet of README.md and docs/*.md, run in its order.

What a document names (modules, paths, links) is the business of `tickstock_dagster_tests/test_documents.py`, and the
recipes of `docs/developing.md` are followed by `tickstock_dagster_tests/end_to_end/test_recipes.py`.
"""
