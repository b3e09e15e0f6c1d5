"""Every command, option, target of make and variable that a text names is there, also where nothing is run.

Besides the documents, that holds for the docstrings of the package and the lists of variables.
"""

import ast
import re
import subprocess

import pytest
import yaml

from tickstock_dagster.core.universes.profiles import PROFILES
from tickstock_dagster.settings import PROJECT_ROOT, Settings
from tickstock_dagster_tests.documents.naming import all_options, code_of, is_typable, unknown_names, unknown_variables
from tickstock_dagster_tests.documents.reading import DOCUMENTS, steps_of, text_of

TEXTS = (*DOCUMENTS, "CONTRIBUTING.md", "SECURITY.md", "examples/README.md")
OTHERS_OPTIONS = {"--env-file", "--scale", "--volumes", "--build", "--all"}
"""Options of Compose."""

LISTS = (".env.example", "deploy/env.example", "Dockerfile", "docker-compose.yml")


@pytest.mark.parametrize("document", TEXTS)
def test_a_document_names_commands_and_variables_that_exist(document: str) -> None:
    text = text_of(document)
    assert [name for code in code_of(text) for name in unknown_names(code)] == []
    assert unknown_variables(text) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_shell_can_read_every_command(document: str) -> None:
    lines = [step.text for step in steps_of(document) if step.kind == "command" and is_typable(step.text)]
    read = subprocess.run(["bash", "-n"], input="\n".join(lines), capture_output=True, text=True)
    assert read.stderr == ""


def test_commands_of_containers_name_services_that_exist() -> None:
    services = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    code = "\n".join(code_of(text_of("docs/containers.md")))
    named = re.findall(r"(?:\bexec|\blogs --follow|--scale) ([a-z]+)", code)
    assert {"timescaledb", "code", "redis", "simulator"} <= set(named)
    assert [name for name in named if name not in services] == []
    composing = re.findall(r"(?:docker compose|docker-compose|stack)(?: --env-file \S+)? ([a-z]+)", code)
    assert set(composing) == {"up", "ps", "exec", "logs"}


@pytest.mark.parametrize("document", TEXTS)
def test_an_option_that_a_document_names_alone_is_one_of_some_command(document: str) -> None:
    named = {found[1] for code in code_of(text_of(document)) if (found := re.match(r"(--[a-z][a-z-]+)", code))}
    assert named - all_options() - OTHERS_OPTIONS == set()


def test_the_readme_states_the_defaults_of_the_settings() -> None:
    defaults = {str(field.validation_alias): field.default for field in Settings.model_fields.values()}
    rows = re.findall(r"^\| (`[A-Z].*?`) \| (.*?) \|", text_of("README.md"), re.MULTILINE)
    stated = {}
    for names, values in rows:
        first, *others = re.findall(r"`(\S+)`", names)
        stem = re.sub(r"_[A-Z]+$", "", first)
        full = [first, *(other if other.startswith("TICKSTOCK") else stem + other.lstrip("…") for other in others)]
        given = values.split(", ") if values.count(",") else [values] * len(full)
        stated.update(zip(full, given, strict=True))
    assert len(stated) > 15
    for name, value in stated.items():
        quoted = re.match(r"`(.*)`$", value)
        meant = str(defaults.get(name) or "") if quoted else None
        assert meant == (quoted[1] if quoted else None), f"{name} is {defaults.get(name)!r}, not {value}"
        assert quoted or not defaults.get(name), f"{name} is {defaults.get(name)!r}, not {value}"


def test_the_readme_names_the_profiles() -> None:
    [sentence] = re.findall(r"^Profiles: .*$", text_of("README.md"), re.MULTILINE)
    named = set(re.findall(r"`([a-z_]+)`", sentence))
    assert named == {name for name in PROFILES if not name.endswith("_lite")}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_names_commands_that_exist(name: str) -> None:
    text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
    assert [found for code in re.findall(r"`([^`\n]+)`", text) for found in unknown_names(code)] == []


def test_texts_of_the_package_name_commands_that_exist() -> None:
    wrong = {}
    for path in (PROJECT_ROOT / "tickstock_dagster").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        quoted = [code for text in texts for code in re.findall(r"`([^`\n]+)`", text)]
        if found := [name for code in quoted for name in unknown_names(code)]:
            wrong[path.name] = found
    assert wrong == {}


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("tickstock status", []),
        ("tickstock state", ["tickstock state: there is no command 'state'"]),
        ("tickstock universe set NAME --track", []),
        ("tickstock universe sett x --track", ["tickstock universe sett x --track: there is no command 'sett'"]),
        ("tickstock load --simbols AAPL", ["tickstock load --simbols AAPL: there is no option --simbols"]),
        ("tickstock services up|down", []),
        ("tickstock services up|dwon", ["tickstock services up|dwon: there is no command 'dwon'"]),
        (".venv/bin/tickstock services down && rm -rf .tickstock", []),
        ("stack exec code tickstock stats", ["tickstock stats: there is no command 'stats'"]),
        ('make test ARGS="-k calendar"', []),
        ("make tset", ["make tset"]),
    ],
)
def test_a_name_that_is_nowhere_is_found(code: str, wrong: list[str]) -> None:
    assert unknown_names(code) == wrong


def test_a_variable_that_is_nowhere_is_found() -> None:
    assert unknown_variables("TICKSTOCK_NOW, `MASSIVE_PLAN` and TICKSTOCK_THEN") == ["TICKSTOCK_THEN"]
