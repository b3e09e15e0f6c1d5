"""Damaged answers: a slice by default, all of `make fuzz` in the slow tests."""

import subprocess
import sys

import pytest

from tickstock_dagster_tests.adapters.sources.massive.fuzzing import run


def test_damaged_answers_lose_no_good_row_and_raise_nothing_of_their_own():
    figures = run(seed=10, answers=150)
    assert figures.wrong == []
    assert figures.answers == 150
    assert sum(number for (_, outcome), number in figures.outcomes.items() if outcome == "read") > 60


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_3000_damaged_answers_keep_to_time_and_memory(seed):
    command = [sys.executable, "-m", "tickstock_dagster_tests.adapters.sources.massive.fuzzing"]
    done = subprocess.run([*command, "--seed", str(seed)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-5000:]
    assert "wrong: 0" in done.stdout
