"""Remarks of a document to its tests, in HTML comments: pages do not show them.

A comment has one of these in each line. Commands are meant by their first words; one of them has to be in the document:

    <!-- slow: make run -->                          only the long tests run it
    <!-- not run: docker compose => the reason -->   it is only looked at: what it names is there
    <!-- prints: tickstock status => in force -->    its output has these words; … stands for anything
    <!-- fails: tickstock eod => no session -->      it ends with another code than 0, and says these words
    <!-- file: rule.json -->                         the next block is the content of this file
    <!-- text -->                                    the next block is nothing to type
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_REMARK = re.compile(r"(slow|not run|prints|fails|file|text)(?:: *(.*))?$")
_NEEDS_WORDS = {"not run", "prints", "fails"}


class DocumentError(AssertionError):
    """A document has something that its test does not understand."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of an HTML comment.

    Attributes:
        kind: slow, not run, prints, fails.
        command: its first words.
        words: the reason, or what is printed.
        line: in the document, from 1.
    """

    kind: str
    command: str
    words: str
    line: int


def remarks_of(document: str, text: str) -> Iterator[Remark]:
    """The remarks of a text.

    Args:
        document: its name, for errors.
        text: Markdown.

    Raises:
        DocumentError: one is not understood.
    """
    for comment in _COMMENT.finditer(text):
        for number, given in enumerate(comment[1].strip().splitlines()):
            found = _REMARK.match(given.strip())
            line = text[: comment.start()].count("\n") + 1 + number
            if not found:
                raise DocumentError(f"{document}:{line}: the remark {given.strip()!r} is not understood")
            command, _, words = (found[2] or "").partition(" => ")
            if (found[1] in _NEEDS_WORDS) != bool(words.strip()):
                raise DocumentError(f"{document}:{line}: {found[1]} is written as: command => words")
            yield Remark(found[1], command.strip(), words.strip(), line)
