"""Every command and snippet of README.md and docs/*.md, typed in its order: it ends well and says what is promised."""

import os
import re
import time
from pathlib import Path

import pytest

from tickstock_dagster_tests.cli.office import Office
from tickstock_dagster_tests.documents.reader import Done, at_a_desk
from tickstock_dagster_tests.documents.reading import DOCUMENTS, Step, steps_of

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


def follow(document: str, office: Office, folder: Path, extra: dict[str, str], *, slow: bool) -> None:
    wrong = []
    with at_a_desk(office, folder, extra, has_read_the_readme=document != "README.md") as reader:
        for step in steps_of(document):
            if step.slow and not slow:
                continue
            started = time.monotonic()
            try:
                done = reader.do(step)
                found = complaint(step, done) if done else None
            except Exception as error:  # noqa: BLE001 - the next steps are of interest, too
                done, found = None, f"{type(error).__name__}: {error}"
            if "DOCUMENTS_LOG" in os.environ:
                with Path(os.environ["DOCUMENTS_LOG"]).open("a") as log:
                    print(f"{time.monotonic() - started:6.2f} s {step}: {done} {office.vendor.stats()}", file=log)
                    office.vendor.reset_stats()
            if found:
                wrong.append(f"{step}\n    {found}\n" + (done.said[-2000:] if done else ""))
    assert not wrong, "\n".join(wrong)


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
