"""What a document asks for is found, in its order; what is not understood is an error, never passed over."""

import pytest

from tickstock_dagster_tests.documents.reading import DOCUMENTS, DocumentError, Step, read_steps, steps_of

TEXT = """
Type `tickstock status`, read `docs/files.md` and `make`.

<!--
slow: tickstock load --profile
prints: tickstock load => stored
-->

    tickstock load --profile dev    # a profile
    tickstock load --symbols AAPL \\
        --years 1

| table | command |
|---|---|
| lint | `make lint` |

<!-- file: rule.json -->

```json
{"top": 5}
```

```python
print("hello")
```

```text
nothing to type <!-- and no remark -->
```

```console
$ tickstock services status
up
$ make help
```

<!-- not run: git pull => changes the checkout -->

`git pull`
"""


def test_commands_are_found_in_their_order_with_what_is_said_of_them() -> None:
    found = [(step.line, step.kind, step.text.strip(), step.inline) for step in read_steps("a.md", TEXT)]
    assert found == [
        (2, "command", "tickstock status", True),
        (9, "command", "tickstock load --profile dev", False),
        (10, "command", "tickstock load --symbols AAPL --years 1", False),
        (15, "command", "make lint", True),
        (20, "file", '{"top": 5}', False),
        (24, "python", 'print("hello")', False),
        (32, "command", "tickstock services status", False),
        (34, "command", "make help", False),
        (39, "command", "git pull", True),
    ]
    steps = {step.text: step for step in read_steps("a.md", TEXT)}
    first = steps["tickstock load --profile dev"]
    assert (first.slow, first.prints) == (True, ("stored",))
    second = steps["tickstock load --symbols AAPL --years 1"]
    assert (second.slow, second.prints) == (False, ("stored",))
    assert steps["tickstock services status"].prints == ("up",)
    assert steps["git pull"].reason == "changes the checkout"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("    frobnicate --all\n", "'frobnicate --all' is no command that is known"),
        ("```cobol\nSTOP RUN.\n```\n", "nobody knows what to do with a block of 'cobol'"),
        ("<!-- slow: tickstock load -->\n", "no command of this document begins with 'tickstock load'"),
        ("<!-- skip: tickstock load -->\n\n`tickstock load`", "is not understood"),
        ("<!-- not run: tickstock load -->\n\n`tickstock load`", "not run is written as: command => words"),
        ("- a list\n\n    tickstock status\n", "is shown as text"),
    ],
)
def test_what_is_not_understood_is_an_error(text: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        read_steps("a.md", text)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_document_is_understood(document: str) -> None:
    assert all(isinstance(step, Step) for step in steps_of(document))
