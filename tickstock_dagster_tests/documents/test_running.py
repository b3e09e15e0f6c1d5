"""Every command and snippet of README.md and docs/*.md, typed in its order: it ends well and says what is promised."""

import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tickstock_dagster_tests.cli.office import Office
from tickstock_dagster_tests.documents.reader import Done, Reader, at_a_desk
from tickstock_dagster_tests.documents.reading import DOCUMENTS, Step, read_steps, steps_of

LONG = [document for document in DOCUMENTS if any(step.slow for step in steps_of(document))]


def complaint(step: Step, done: Done) -> str | None:
    """What is wrong about how a step ended."""
    if "Traceback (most recent call last)" in done.said:
        return "ends with a traceback"
    if (done.code != 0) != (step.fails is not None):
        return f"ends with code {done.code}"
    lacking = [words for words in (*step.prints, *filter(None, [step.fails])) if not has_said(done.said, words)]
    return f"does not say {lacking[0]!r}" if lacking else None


def has_said(said: str, words: str) -> bool:
    """Whether words are in what was said; … stands for anything, and any space for any other."""
    pattern = r".*?".join(r"\s+".join(map(re.escape, part.split())) for part in words.split("…"))
    return re.search(pattern, said, re.DOTALL) is not None


def taken(reader: Reader, steps: Iterable[Step]) -> list[str]:
    """Take steps; what is wrong about them, each with what was said."""
    wrong = []
    for step in steps:
        started = time.monotonic()
        try:
            done = reader.do(step)
            found = complaint(step, done) if done else None
        except Exception as error:  # noqa: BLE001 - the next steps are of interest, too
            done, found = None, f"{type(error).__name__}: {error}"
        if "DOCUMENTS_LOG" in os.environ:  # a file: what each step took and said
            with Path(os.environ["DOCUMENTS_LOG"]).open("a", encoding="utf-8") as log:
                print(f"{time.monotonic() - started:6.2f} s {step}: {done}", file=log)
        if found:
            wrong.append(f"{step}\n    {found}\n" + (done.said[-2000:] if done else ""))
    return wrong


def follow(document: str, office: Office, folder: Path, extra: dict[str, str], *, slow: bool) -> None:
    """Take the steps of a document, those that take long only if asked for."""
    told = document != "README.md"  # which says itself where the command is
    with at_a_desk(office, folder, extra, has_read_the_readme=told) as reader:
        wrong = taken(reader, (step for step in steps_of(document) if slow or not step.slow))
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def desk(office: Office, tmp_path: Path) -> Iterator[Reader]:
    """A reader in an empty folder that has the environment and a Makefile."""
    with at_a_desk(office, tmp_path, {}, has_read_the_readme=True, files=("Makefile",)) as reader:
        yield reader


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_keeps_what_it_promises(
    document: str, office: Office, tmp_path: Path, mail_settings: dict[str, str]
) -> None:
    follow(document, office, tmp_path, mail_settings, slow=False)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("document", LONG)
def test_a_document_keeps_what_takes_long(
    document: str, office: Office, tmp_path: Path, mail_settings: dict[str, str]
) -> None:
    follow(document, office, tmp_path, mail_settings, slow=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("    tickstock state\n", "ends with code 2"),
        ("    tickstock status --jason\n", "ends with code 2"),
        ("`tickstock universe lists`\n", "ends with code 2"),
        ("    tickstock load --symbols AAPL --source files:nowhere.parquet\n", "ends with code 2"),
        ("    python examples/no_such_app.py\n", "ends with code 2"),
        ("    tickstock universe show NAME\n", "nobody can type this"),
        ("<!-- prints: tickstock --version => version 9 -->\n\n    tickstock --version\n", "does not say 'version 9'"),
        ("<!-- fails: tickstock --version => a reason -->\n\n    tickstock --version\n", "ends with code 0"),
        ("```python\nimport tickstock_dagster.nothing\n```\n", "No module named"),
        ("```sql\nSELECT * FROM no_such_view\n```\n", "does not exist"),
        ("```json\n{'single': 'quotes'}\n```\n", "JSONDecodeError"),
        ("    make no-such-target\n", "ends with code 2"),
    ],
)
def test_what_a_document_gets_wrong_is_found(desk: Reader, text: str, words: str) -> None:
    assert words in "\n".join(taken(desk, read_steps("a.md", text)))


def test_a_reader_who_was_not_told_where_the_command_is_does_not_find_it(desk: Reader) -> None:
    [without, path, with_it] = read_steps(
        "a.md", '    tickstock --version\n    export PATH="$PWD/.venv/bin:$PATH"\n    tickstock --help\n'
    )
    desk.environment["PATH"] = "/usr/bin:/bin"
    assert "nothing above says where it is" in taken(desk, [without])[0]
    assert taken(desk, [path, with_it]) == []
