"""Run benchmarks: `python -m benchmarks [name …]`; without a name all of them, one after the other.

Each runs in a process of its own, so that the imports and connections of one cannot slow or break another.
Arguments after `--` are passed on: `python -m benchmarks ingest -- --rounds 3`.
"""

import os
import subprocess
import sys

NAMES = (
    "ingest",
    "reload",
    "load_command",
    "dagster_runs",
    "outbox_drain",
    "notification_latency",
    "calendar_lookups",
    "code_location_load",
    "whole_market",
    "fair_values",
    "owed",
    "processing_queue",
    "quality",
    "adjusted_prices",
    "consumer_queries",
    "reads",
    "command_start",
    "rule_change",
    "quality_rules",
)


def summary(name: str) -> str:
    """The first sentence of a benchmark's docstring, without importing what it measures."""
    import ast
    from pathlib import Path

    tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").splitlines()[0]


def _run(command: list[str]) -> int:
    """The exit code of a benchmark. One that is interrupted ends its servers first: it is waited for."""
    with subprocess.Popen(command) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise


def main() -> int:
    arguments = sys.argv[1:]
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    names, passed_on = arguments[:cut], arguments[cut + 1 :]
    if names in (["--list"], ["-h"], ["--help"]):
        for name in NAMES:
            print(f"{name:<22}{summary(name)}")
        return 0
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    # Where nothing is compiled once and kept, every process measures Python's compiler.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    failed = []
    for name in names or NAMES:
        print(f"\n{name}: {summary(name)}", flush=True)
        if _run([sys.executable, "-m", f"benchmarks.{name}", *passed_on]):
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
