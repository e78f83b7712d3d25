"""The house's rules, read off the source itself: imports go one way, and each foreign library lives in its own part."""

from __future__ import annotations

import ast
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.bootstrap import read_pins

ROOT = Path(__file__).resolve().parents[1]

# Each part, and the parts that it may import. Training meets the annotations in files only.
MAY_IMPORT = {
    "core": {"core"},
    "annotations": {"annotations", "core"},
    "training": {"training", "core"},
    "app": {"app", "annotations", "core"},
    "launch": {"app", "annotations", "core", "training"},
}

# Where a foreign library may be imported, as the beginnings of paths; one that is not here may be imported anywhere.
HOMES = {
    "gradio": ("app/",),
    "fastapi": ("app/",),
    "starlette": ("app/",),
    "uvicorn": ("app/",),
    "plotly": ("app/",),
    "sqlalchemy": ("annotations/",),
    "alembic": ("annotations/",),
    "psycopg": ("annotations/",),
    "torch": ("core/policies/", "core/attention", "training/"),
    "transformers": ("core/policies/", "core/attention", "training/"),
    "trl": ("training/",),
    "datasets": ("training/",),
    "peft": ("core/policies/", "training/"),
    "openai": ("core/policies/",),
}


def sources() -> list[Path]:
    """Every source file of the program, without its tests."""
    return sorted([ROOT / "launch.py", *(file for part in MAY_IMPORT for file in (ROOT / part).rglob("*.py"))])


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """The first name of every module that a file imports, at its top or inside a function, with the line."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0] if not node.level else ".", node.lineno


def named(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def foreign(files: list[Path]) -> Iterator[tuple[Path, str, int]]:
    """Every import of a library that is neither ours nor Python's."""
    ours = {*MAY_IMPORT, "tests"}
    for file in files:
        for name, line in imports(file):
            if name not in ours and name not in sys.stdlib_module_names:
                yield file, name, line


def test_imports_go_one_way() -> None:
    wrong = []
    for file in sources():
        part = named(file).partition("/")[0].removesuffix(".py")
        for name, line in imports(file):
            if name == "." or (name in {*MAY_IMPORT, "tests"} and name not in MAY_IMPORT[part]):
                wrong.append(f"{named(file)}:{line} imports {name}")
    assert wrong == []


def test_foreign_libraries_stay_at_home() -> None:
    wrong = [
        f"{named(file)}:{line} imports {name}, which belongs in {' and '.join(HOMES[name])}"
        for file, name, line in foreign(sources())
        if name in HOMES and not named(file).startswith(HOMES[name])
    ]
    assert wrong == []


@pytest.mark.parametrize("part", ["program", "tests"])
def test_what_is_imported_is_pinned(part: str) -> None:
    pins = read_pins(ROOT / "requirements.txt")
    # The measurements drive a browser, where the test tools are there.
    bench = [file for file in sources() if named(file).startswith("app/bench/")]
    files = [file for file in sources() if file not in bench]
    if part == "tests":
        pins += read_pins(ROOT / "tests/requirements.txt")
        files = [*bench, *sorted((ROOT / "tests").rglob("*.py"))]
    # A distribution is one and the same with hyphens and with underscores.
    pinned = {pin.name.lower().replace("_", "-") for pin in pins}
    packages = importlib.metadata.packages_distributions()
    missing = {
        name for _, name, _ in foreign(files) if not pinned & {package.lower().replace("_", "-") for package in packages.get(name, ())}
    }
    assert missing == set()


def test_the_bootstrap_needs_the_standard_library_only() -> None:
    first = [ROOT / "launch.py", ROOT / "core/errors.py", *(ROOT / "app").glob("*.py")]
    first = [
        file for file in first if file.stem in {"launch", "errors", "__init__", "bootstrap", "boundary", "installing", "settings", "start"}
    ]
    assert len(first) == 8
    assert [f"{named(file)} imports {name}" for file, name, _ in foreign(first)] == []


def test_the_core_does_not_print() -> None:
    wrong = []
    for file in (ROOT / "core").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                wrong.append(f"{named(file)}:{node.lineno}")
    assert wrong == []


def test_functions_and_files_stay_short() -> None:
    wrong = []
    for file in sources():
        text = file.read_text(encoding="utf-8")
        if (lines := text.count("\n")) >= 400:
            wrong.append(f"{named(file)} has {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (length := body_length(node)) >= 40:
                wrong.append(f"{named(file)}:{node.lineno} {node.name} has {length} lines")
    assert wrong == []


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function from its first statement to its last: what it is told and what it says of itself do not count."""
    first = function.body[1] if ast.get_docstring(function) and len(function.body) > 1 else function.body[0]
    return (function.end_lineno or 0) - first.lineno + 1
