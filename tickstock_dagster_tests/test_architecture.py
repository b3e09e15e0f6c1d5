"""What holds for the whole package, read from its source: who may import whom, where the outside world begins."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tickstock_dagster.adapters.postgres.fingerprint import TRAFFIC_TABLES, fingerprint_tables
from tickstock_dagster.adapters.postgres.sql_files import sql_folder
from tickstock_dagster.core.events.envelope import EVENTS

PACKAGE = Path(__file__).parent.parent / "tickstock_dagster"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
CORE = [module for module in MODULES if module.startswith("core/")]

MAY_IMPORT = {
    "core": {"core"},
    "settings": {"core", "settings"},
    "clock": {"settings", "clock"},
    "simulator": {"core", "simulator"},
    "adapters": {"core", "settings", "clock", "adapters"},
    "reading": {"core", "adapters", "reading"},
    "defs": {"core", "settings", "clock", "adapters", "defs"},
    "definitions": {"defs"},
    "event_log": {"instance_storage"},
    "instance_storage": set(),
    "launching": {"launching"},
    "cli": {"core", "settings", "clock", "adapters", "simulator", "defs", "definitions", "event_log", "cli"},
}
"""Layer by layer, what a module may import of our own. The simulator stands for the vendor: it shares the market's
facts with us and nothing of how we ask."""


def of_each(modules: Iterable[str]) -> Callable[[Callable[[str], None]], Callable[[], None]]:
    """Ask a test of every module, as one test: a thousand of their own would take seconds to begin and to end."""

    def asking(test: Callable[[str], None]) -> Callable[[], None]:
        def of_all() -> None:
            wrong = {}
            for module in modules:
                try:
                    test(module)
                except AssertionError as error:
                    wrong[module] = str(error)
            assert not wrong, "\n\n".join(f"{module}: {words}" for module, words in wrong.items())

        of_all.__name__, of_all.__doc__ = test.__name__, test.__doc__
        return of_all

    return asking


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


def imports(module: str) -> Iterator[str]:
    """Dotted names that a module imports anywhere, those inside functions included."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def layer(module: str) -> str:
    return module.partition("/")[0].removesuffix(".py")


def own_layers(module: str) -> set[str]:
    names = (name.split(".") for name in imports(module))
    return {parts[1] for parts in names if parts[0] == "tickstock_dagster" and len(parts) > 1} & set(MAY_IMPORT)


# Direction


def test_every_part_of_the_package_is_a_known_layer():
    assert {layer(module) for module in MODULES} == {*MAY_IMPORT, "__init__"}


@of_each([module for module in MODULES if module != "__init__.py"])
def test_imports_point_down(module):
    is_program = module.endswith("/__main__.py")  # the entry of `python -m`, which starts the command
    assert own_layers(module) <= MAY_IMPORT[layer(module)] | ({"cli"} if is_program else set())


SHELL = ("defs", "definitions", "event_log", "instance_storage", "launching", "cli")


@of_each([module for module in MODULES if layer(module) not in SHELL])
def test_only_the_shell_knows_dagster(module):
    assert not [name for name in imports(module) if re.match(r"dagster(_|\.|$)", name)]


# Rooms

SUBJECTS = {
    "actions", "bars", "calendars", "events", "judging", "loading", "operations", "quality", "securities", "universes",
    "valuation",
}  # fmt: skip
"""What the project is about: a subject has the same name on every floor."""

SHARED_ROOMS = {"adapters": {"ledger", "postgres", "services", "sources", "sources/massive"}}
"""What serves every subject of a layer."""

SHARED_STATEMENTS = {"ledger", "postgres", "reading", "sources", "fingerprint"}
"""Statements of the shared rooms, and the one for each table that a fingerprint is made of."""

LAYERS_OF_ROOMS = ("core", "adapters", "defs", "cli")
FOLDERS = sorted({module.rpartition("/")[0] for module in MODULES} - {""})
MOST_MODULES, MOST_LINES = 15, 250
WHY_LONG = f"Longer than {MOST_LINES} lines because "

Graph = Mapping[str, set[str]]


def modules_imported(module: str) -> set[str]:
    """Files of the package that a module imports, also inside functions and for type checkers alone."""
    paths = (name.removeprefix("tickstock_dagster.").replace(".", "/") for name in imports(module))
    return {file for path in paths for file in (f"{path}.py", f"{path}/__init__.py") if file in MODULES} - {module}


def file_graph(layer_name: str) -> Graph:
    """Which file of a layer imports which others of it."""
    files = [module for module in MODULES if layer(module) == layer_name]
    return {file: modules_imported(file) & set(files) for file in files}


def room(module: str) -> str:
    """The subject package of a module within its layer, or its own name where it stands on top of the layer."""
    return module.split("/")[1].removesuffix(".py")


def room_graph(layer_name: str) -> Graph:
    """Which subject package of a layer imports which others of it; the layer's own `__init__` is none."""
    graph: dict[str, set[str]] = {}
    for file, imported in file_graph(layer_name).items():
        if room(file) != "__init__":
            graph.setdefault(room(file), set()).update(map(room, imported))
    return {name: others - {name, "__init__"} for name, others in graph.items()}


def drawn(graph: Graph) -> str:
    """The graph for people: Mermaid's text, which most viewers of Markdown draw."""
    arrows = [f"    {name} --> {other}" for name, others in sorted(graph.items()) for other in sorted(others)]
    return "\n".join(["graph TD", *arrows])


def circle(graph: Graph) -> str:
    """One circle of the graph in words, above the graph; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return f"a circle: {' <- '.join(error.args[1])}\n{drawn(graph)}"
    return ""


@pytest.mark.parametrize("layer_name", LAYERS_OF_ROOMS)
def test_the_subjects_of_a_layer_form_no_circle(layer_name: str) -> None:
    graph = room_graph(layer_name)
    assert any(graph.values())
    assert not (found := circle(graph)), found


@pytest.mark.parametrize("layer_name", ["core", "adapters"])
def test_the_files_of_a_layer_form_no_circle(layer_name: str) -> None:
    graph = file_graph(layer_name)
    assert any(graph.values())
    assert not (found := circle(graph)), found


def test_a_circle_is_found_and_drawn() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == ""
    found = circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert re.match(r"a circle: (\w <- ){3}\w\n", found)
    assert "graph TD\n    a --> b\n    b --> c\n    c --> a" in found


def test_a_folder_of_a_layer_is_a_subject_or_a_shared_room() -> None:
    for name in LAYERS_OF_ROOMS:
        rooms = {folder.partition("/")[2] for folder in FOLDERS if layer(folder) == name} - {""}
        assert rooms <= SUBJECTS | SHARED_ROOMS.get(name, set())


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_has_few_enough_modules_to_look_through(folder: str) -> None:
    modules = [path.name for path in (PACKAGE / folder).glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES


@of_each(MODULES)
def test_a_long_module_says_why(module: str) -> None:
    lines = (PACKAGE / module).read_text(encoding="utf-8").count("\n")
    says_why = WHY_LONG in " ".join((ast.get_docstring(tree(module)) or "").split())
    assert says_why == (lines > MOST_LINES), f"{lines} lines"


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if "/" in folder and layer(folder) != "simulator"])
def test_a_package_says_what_belongs_there_and_what_does_not(folder: str) -> None:
    words = " ".join((ast.get_docstring(tree(f"{folder}/__init__.py")) or "").split())
    belongs, *elsewhere = re.split(r"(?<=\.) (?=[A-Z])", words)
    assert belongs.endswith(".")
    assert re.search(r"\bbelongs? in\b", " ".join(elsewhere))


def test_the_tests_mirror_the_package() -> None:
    tests = Path(__file__).parent
    for name in (*LAYERS_OF_ROOMS, "simulator"):
        folders = {path.parent.relative_to(tests).as_posix() for path in (tests / name).rglob("test_*.py")}
        assert folders <= set(FOLDERS), f"{folders - set(FOLDERS)} test what is not there"


def test_statements_stand_with_their_subject() -> None:
    folders = {path.name for path in (sql_folder() / "statements").iterdir()}
    assert folders <= SUBJECTS | SHARED_STATEMENTS


# The core

OUTSIDE = {
    "asyncio", "getpass", "http", "io", "logging", "multiprocessing", "os", "platform", "random", "secrets", "shutil",
    "signal", "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib",
}  # fmt: skip
LIBRARIES_OF_THE_CORE = {"bottleneck", "numpy", "pandas_market_calendars", "polars", "pydantic"}
ASKS_THE_WORLD = {"now", "utcnow", "today", "getenv", "uuid1", "uuid4", "open", "urlopen"}


@of_each(CORE)
def test_the_core_imports_nothing_that_reaches_outside(module):
    roots = {name.split(".")[0] for name in imports(module)} - {"tickstock_dagster"}
    assert not roots & OUTSIDE
    assert {root for root in roots if root not in sys.stdlib_module_names} <= LIBRARIES_OF_THE_CORE


@of_each(CORE)
def test_the_core_asks_neither_clock_nor_environment_nor_chance(module):
    calls = [node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    assert not names & ASKS_THE_WORLD


HEAVY = {"dagster", "sqlalchemy", "psycopg", "redis", "massive", "starlette", "matplotlib"}


@pytest.mark.parametrize(("package", "heavy"), [("core", HEAVY), ("cli", HEAVY | {"polars", "pandas", "numpy"})])
def test_importing_it_loads_none_of_the_heavy_libraries(package, heavy):
    """All of the core; of the command line what `tickstock --help` needs."""
    modules = CORE if package == "core" else ["cli/__init__.py"]
    names = [f"tickstock_dagster.{module[:-3].replace('/', '.').removesuffix('.__init__')}" for module in modules]
    code = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert f"tickstock_dagster.{package}" in loaded
    assert not heavy & set(loaded)


# The environment

READS_THE_ENVIRONMENT = {
    "settings.py",
    "adapters/services/environment.py",  # hands it on to child processes
    "cli/workspace.py",  # puts the services' addresses into it, for what is started from here
}


def test_only_settings_and_what_starts_processes_touches_the_environment():
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "load_dotenv"}
    found = set()
    for module in MODULES:
        nodes = list(ast.walk(tree(module)))
        used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        if used & names or {name.split(".")[-1] for name in imports(module)} & names:
            found.add(module)
    assert found <= READS_THE_ENVIRONMENT


def test_the_command_line_writes_the_environment_and_never_reads_it():
    source = (PACKAGE / "cli" / "workspace.py").read_text(encoding="utf-8")
    assert set(re.findall(r"environ\b\S*?\(", source)) <= {"environ.update("}
    assert "environ[" not in source


# The clock

READS_THE_CLOCK = {
    "clock.py": {"datetime.now"},
    "simulator/clock.py": {"datetime.now"},  # the vendor's own, which tests and options set
    "adapters/sources/massive/http.py": {"time.time"},  # when a call was really made, and how long it may not be
}
CLOCKS = {"datetime": {"now", "utcnow", "today"}, "date": {"today"}, "time": {"time", "time_ns", "localtime", "gmtime"}}


def test_the_real_clock_is_read_in_the_named_places_alone():
    found: dict[str, set[str]] = {}
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Attribute):
                owner = ast.unparse(node.value).rpartition(".")[2]
                if node.attr in CLOCKS.get(owner, ()):
                    found.setdefault(module, set()).add(f"{owner}.{node.attr}")
            elif isinstance(node, ast.ImportFrom) and node.module == "time":
                assert not CLOCKS["time"] & {name.name for name in node.names}, f"{module} hides where time comes from"
    assert found == READS_THE_CLOCK


# SQL

SQL = re.compile(
    r"\b(SELECT\b.*\bFROM|SELECT\s+\w+\(|INSERT\s+INTO|UPDATE\s+\w+\s+(AS\s+\w+\s+)?SET|DELETE\s+FROM|TRUNCATE"
    r"|(CREATE|ALTER|DROP)\s+(TEMP|TABLE|VIEW|INDEX|SCHEMA|DATABASE|ROLE|USER|EXTENSION))\b",
    re.DOTALL,
)
HOLDS_SQL = {
    "adapters/postgres/migrations.py",  # its own bookkeeping, before and beside the migrations
    "adapters/postgres/frames.py",  # asks what the columns of a statement are, and copies them
    "adapters/services/postgres.py",  # makes the database that the schema then stands in
}


def texts(module: str) -> Iterator[str]:
    """String literals of a module, without docstrings; pieces of f-strings one by one."""
    nodes = list(ast.walk(tree(module)))
    prose = {id(node.value) for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def test_sql_stands_in_its_folder():
    found = {module for module in MODULES if any(SQL.search(text) for text in texts(module))}
    assert found == HOLDS_SQL


def test_every_statement_is_used_and_every_used_one_is_there():
    folder = sql_folder() / "statements"
    there = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.sql")}
    said = {text for module in MODULES for text in texts(module)}
    assert {name for name in there if not name.startswith("fingerprint/")} <= said
    asked = set()
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "statement":
                asked |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
    assert asked
    assert asked <= there


def test_every_kind_of_event_is_made_by_what_works_with_the_store():
    made = {
        getattr(node.func, "id", "")
        for module in MODULES
        if layer(module) == "adapters"
        or module in ("core/quality/alerts.py", "core/quality/summary.py")  # which an adapter writes
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call)
    }
    assert {model.__name__ for model in EVENTS.values()} <= made, "a channel in the catalogue that nobody ever uses"


MIGRATIONS = "\n".join(
    re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
    for folder in ("migrations", "repeatable")
    for path in sorted((sql_folder() / folder).glob("*.sql"))
)


def parts(body: str) -> list[str]:
    """A list in SQL, cut at its outermost commas."""
    found, depth, quoted = [""], 0, False
    for sign in body:
        quoted ^= sign == "'"
        depth += (sign == "(") - (sign == ")") if not quoted else 0
        if depth < 0:
            break
        if sign == "," and depth == 0 and not quoted:
            found.append("")
        else:
            found[-1] += sign
    return [part.strip() for part in found]


def table_columns() -> dict[str, set[str]]:
    """The schema's tables as the migrations make them."""
    tables = {}
    for match in re.finditer(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+) \(", MIGRATIONS):
        body = MIGRATIONS[match.end() :]
        if body.startswith("%s)"):  # made from a text of columns, since it is partitioned or a hypertable
            body = MIGRATIONS.split("$columns$")[1]
        words = [part.split()[0] for part in parts(body) if part]
        rules = {"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "EXCLUDE", "FOREIGN", "LIKE"}
        tables[match[1]] = {word for word in words if word not in rules}
    for table, column in re.findall(r"ALTER TABLE (\w+)\s+ADD COLUMN (?:IF NOT EXISTS )?(\w+)", MIGRATIONS):
        tables[table].add(column)
    return tables


COMMENTS = {
    (kind, name): words
    for kind, name, words in re.findall(r"COMMENT ON (\w+) ([\w.]+) IS\s+'((?:[^']|'')*)'", MIGRATIONS)
}


REPEATABLE = sorted((sql_folder() / "repeatable").glob("*.sql"))


@pytest.mark.parametrize("path", REPEATABLE, ids=[path.stem for path in REPEATABLE])
def test_a_repeatable_migration_re_creates_views_and_functions_and_touches_nothing_else(path):
    """It runs again on stores full of data, so it leaves tables and rows alone; functions may write when called."""
    bodiless = re.sub(r"\$\$.*?\$\$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"--[^\n]*|'(?:[^']|'')*'", "", bodiless)
    views = re.findall(r"CREATE OR REPLACE VIEW (\w+)", text)
    functions = re.findall(r"CREATE OR REPLACE FUNCTION (\w+)", text)
    assert views or functions
    assert len(re.findall(r"\bCREATE\b", text)) == len(views) + len(functions)
    assert not re.search(r"\b(TABLE \w|INSERT INTO|UPDATE \w+ SET|DELETE FROM|TRUNCATE|ALTER)\b", text)
    for view in views:
        assert re.search(rf"GRANT SELECT ON [^;]*\b{view}\b[^;]*\btickstock_app\b", text)
    for function in functions:
        assert re.search(rf"REVOKE EXECUTE ON FUNCTION [^;]*\b{function}\([^;]*FROM PUBLIC", text)
        assert re.search(rf"COMMENT ON FUNCTION {function}\(", text)


def test_the_migrations_were_read_rightly():
    tables = table_columns()
    assert tables["ticker_intervals"] == {
        "security_id", "ticker", "valid_from", "valid_to", "start_known", "seen_from", "seen_to", "gone_on",
        "traded_from", "traded_to", "shown_until", "expected_from", "expected_to", "stated_from", "stated_to",
    }  # fmt: skip
    assert {"ts", "open", "is_fmv", "loaded_at"} < tables["ohlcv_1min"]
    assert {"securities", "ohlcv_daily", "bar_gaps", "work_units", "outbox", "cache_entries"} < set(tables)


def test_every_table_has_a_fingerprint_or_only_measures_traffic():
    assert {*fingerprint_tables(), *TRAFFIC_TABLES} == set(table_columns())
    assert not TRAFFIC_TABLES & set(fingerprint_tables())


def test_every_table_and_column_has_its_comment_and_no_comment_speaks_of_nothing():
    tables = table_columns()
    expected = {("TABLE", table) for table in tables}
    expected |= {("COLUMN", f"{table}.{column}") for table, columns in tables.items() for column in columns}
    assert expected <= set(COMMENTS)
    assert not [name for name, words in COMMENTS.items() if len(words) < 3]
    views = set(re.findall(r"CREATE (?:OR REPLACE )?(?:MATERIALIZED )?VIEW (\w+)", MIGRATIONS))
    spoken_of = {name.split(".")[0] for kind, name in COMMENTS if kind in ("TABLE", "COLUMN", "VIEW")}
    assert spoken_of == {*tables, *views}
    columns = {name for kind, name in COMMENTS if kind == "COLUMN" and name.split(".")[0] in tables}
    assert columns == {name for kind, name in expected if kind == "COLUMN"}
