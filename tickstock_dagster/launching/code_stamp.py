"""Whether code has changed on disk since a process loaded it."""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def code_stamp(module: str) -> str:
    """A digest that changes with every file of a module's package, and with what is installed.

    Args:
        module: of the code location. Its folder counts with all that is in it, and `sql/` beside its folder; of the
            environment the times of its package folders, which every installation of a distribution changes.

    Returns:
        Hexadecimal. Names, sizes and times of change count, not contents: 3 ms instead of 40.
    """
    digest = hashlib.sha256()
    spec = importlib.util.find_spec(module)
    if spec and spec.origin:
        folder = Path(spec.origin).parent
        for line in (*_files(folder), *_files(folder.parent / "sql")):
            digest.update(line.encode("utf-8", "surrogateescape"))
    for path in dict.fromkeys(sys.path):
        if path.endswith("-packages"):
            digest.update(f"{path} {_changed(Path(path))}\n".encode())
    return digest.hexdigest()


def _files(folder: str | Path) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "__pycache__":
                yield from _files(entry.path)
        else:
            try:
                about = entry.stat()
            except OSError:
                continue  # an editor's temporary file
            yield f"{entry.path} {about.st_size} {about.st_mtime_ns}\n"


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
