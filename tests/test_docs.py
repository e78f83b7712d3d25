"""The pages keep up with the program: what can be typed, stored, imported or scored is told, and what is told is there."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from annotations.database import open_database
from annotations.importing.frame_recovery import FRAME_OPTIONS
from annotations.importing.kinds import SourceKind
from annotations.importing.report import Outcome
from annotations.importing.run import ImportRequest, run_import
from annotations.pictures import PictureStore
from annotations.rating_schema import Base
from annotations.store import Store
from app.bootstrap import read_pins
from app.commands import COMMANDS, WORKBENCH, read
from core.domains import DOMAINS
from core.frames import CoordinateFrame
from core.geometry import Size
from core.grammar import TurnText, format_turns, parse
from core.grounding import ground
from core.reference_rewards import RewardKind
from core.rewards import reward
from core.trace import DomainName, Picture, Sample, Truth, TruthKind

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
MAPPED = ("core", "annotations", "training", "app")

# Made by tools and by use, not by people.
MADE = {".git", ".venv", "__pycache__", ".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache", "data", "out"}
TEXTS = {".py", ".md", ".js", ".css", ".html", ".svg", ".toml", ".txt", ".jsonl", ".json", ".yaml", ".yml", ".cfg", ".mako", ""}

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"|!\[[^\]]*\]\(([^)\s]+)\)")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(page: str) -> str:
    """A page's text; a page that is not there is a failure of its own."""
    path = ROOT / page
    if not path.is_file():
        pytest.fail(f"{page} is not there", pytrace=False)
    return path.read_text(encoding="utf-8")


def all_pages() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def expect_none(problems: Iterable[str], heading: str) -> None:
    """Fails with the heading and every problem in a line of its own."""
    lines = list(problems)
    if lines:
        pytest.fail("\n  ".join([f"{heading}:", *lines]), pytrace=False)


def occurs(word: str, text: str) -> bool:
    """Whether a word or an option stands in a text by itself, and not as a part of another."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def slug(heading: str) -> str:
    """The address of a heading, as the usual renderers of Markdown make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def headings(path: Path) -> set[str]:
    return {slug(found[1]) for found in re.finditer(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)}


# Links and names


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for found in LINK.finditer(page.read_text(encoding="utf-8")):
        target = next(filter(None, found.groups()))
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists():
            broken.append(f"{named(page)} links {target}, which is not there")
        elif anchor and file.suffix == ".md" and anchor not in headings(file):
            broken.append(f"{named(page)} links {target}, and {named(file)} has no such heading")
    expect_none(broken, "links that lead nowhere")


def test_every_page_is_in_the_index() -> None:
    index = text_of("docs/index.md")
    missing = [page.name for page in DOCS.glob("*.md") if page.name != "index.md" and f"({page.name})" not in index]
    expect_none(missing, "docs/index.md does not list these pages")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_path_in_a_page_is_there(page: Path) -> None:
    """Names in code marks that begin with a folder of ours: a file that moved must not leave its old name behind."""
    wrong = []
    for found in re.finditer(r"`((?:core|annotations|app|static|tests|docs|\.ci)/[\w./*-]*)`", page.read_text(encoding="utf-8")):
        name = found[1]
        still_to_come = name == "core/policies/"
        if not still_to_come and not any(ROOT.glob(name.rstrip("/"))):
            wrong.append(f"{named(page)} names {name}, which is not there")
    expect_none(wrong, "names of files that are not there")


def test_every_test_that_a_page_names_exists() -> None:
    sources = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py"))
    called = {found[1] for found in re.finditer(r"`(test_\w+)`", all_pages())}
    missing = sorted(name for name in called if f"def {name}(" not in sources)
    expect_none(missing, "the pages name these tests, which do not exist")


# The command line


def command_modules() -> dict[str, str]:
    return {"": WORKBENCH.module, **{name: command.module for name, command in COMMANDS.items()}}


@pytest.mark.parametrize("name", command_modules(), ids=lambda name: name or "workbench")
def test_every_option_is_told(name: str) -> None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    import_module(command_modules()[name]).add_arguments(parser)
    told = text_of("docs/commands.md")
    missing = [flag for flag in sorted(set(FLAG.findall(parser.format_help()))) if not occurs(flag, told)]
    expect_none(missing, f"docs/commands.md does not tell these options of {name or 'the workbench'!r}")


def test_every_command_has_its_section() -> None:
    titles = re.findall(r"^## (.+)$", text_of("docs/commands.md"), re.MULTILINE)
    missing = [name for name in COMMANDS if not any(title.startswith(f"`{name}`") for title in titles)]
    expect_none(missing, "docs/commands.md has no section for these commands")


def test_no_option_is_told_that_does_not_exist() -> None:
    known = {"--help"}
    for module in command_modules().values():
        parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        import_module(module).add_arguments(parser)
        known.update(FLAG.findall(parser.format_help()))
    unknown = sorted(set(FLAG.findall(text_of("docs/commands.md"))) - known)
    expect_none(unknown, "docs/commands.md tells these options, which no command has")


def test_every_variable_of_the_environment_is_told() -> None:
    variables = set(re.findall(r"SACCADE_[A-Z_]+", text_of("app/settings.py")))
    missing = sorted(name for name in variables if not occurs(name, text_of("docs/commands.md")))
    expect_none(missing, "docs/commands.md does not tell these variables")


def shell_lines() -> Iterator[tuple[str, str]]:
    """Every line of a page that starts the program, with the page."""
    for page in PAGES:
        for line in page.read_text(encoding="utf-8").splitlines():
            if re.match(r"(?:    |\$ )?python3 launch\.py\b", line) and "[" not in line:
                yield named(page), line.strip().removeprefix("$ ")


def test_every_command_in_the_pages_is_understood() -> None:
    lines = list(shell_lines())
    assert lines, "no page says how the program is started"
    for page, line in lines:
        try:
            read(shlex.split(line, comments=True)[2:])
        except SystemExit:
            pytest.fail(f"{page}: {line!r} is not understood by the command line")


def test_the_line_of_the_readme_can_be_imported(tmp_path: Path) -> None:
    block = re.search(r"^```json\n(.+?)\n```$", text_of("README.md"), re.MULTILINE | re.DOTALL)
    assert block, "the README shows no line to import"
    json.loads(block[1])
    file = tmp_path / "my-traces.jsonl"
    file.write_text(block[1] + "\n", encoding="utf-8")
    database = open_database(f"sqlite:///{tmp_path / 'saccade.sqlite3'}")
    try:
        request = ImportRequest((file,), image_root=ROOT / "static/demo/pictures")
        report = run_import(request, Store(database), PictureStore(tmp_path / "pictures"))
    finally:
        database.close()
    assert report.count(Outcome.TAKEN) == 1, report.words
    assert report.points.outside == 0, report.points.words


# The viewer


def words_between(text: str, start: str, end: str) -> list[str]:
    """The quoted words of a piece of JavaScript."""
    found = re.search(rf"{re.escape(start)}(.*?){re.escape(end)}", text, re.DOTALL)
    assert found, f"static/viewer has no {start!r} any more: mend this test"
    return re.findall(r"'([^']*)'", found[1])


def test_every_key_of_the_viewer_is_told() -> None:
    sheet = re.search(r"const SHEET = \[\n(.*?)\n\];", text_of("static/viewer/keys.js"), re.DOTALL)
    assert sheet, "static/viewer/keys.js has no SHEET any more: mend this test"
    caps = [key for row in re.findall(r"\[\[(.*?)\],", sheet[1]) for key in re.findall(r"'([^']*)'", row)]
    told = text_of("docs/viewer.md")
    # The sheet has a typographic minus and a row of arrows; a page has the key that is pressed, and words.
    missing = [key for key in caps if " " not in key and f"`{key.replace('−', '-')}`" not in told]
    assert caps
    expect_none(missing, "docs/viewer.md does not tell these keys")


def test_every_part_of_the_address_is_told() -> None:
    route, order = text_of("static/viewer/route.js"), text_of("static/viewer/list.js")
    names = [name for start in ("LISTS = [", "SINGLES = [", "VIEW = [") for name in words_between(route, start, "];")]
    orders = words_between(order, "const ORDERS = [", "];")[::2]
    told = text_of("docs/viewer.md")
    missing = [name for name in [*names, "sort", "page", *orders] if f"`{name}`" not in told]
    expect_none(missing, "docs/viewer.md does not tell these parts of the address")


# What is stored, imported, scored and needed


def section(text: str, heading: str) -> str:
    """What stands under a heading, down to the next of its level or above; "" where there is no such heading."""
    found = re.search(rf"^(#+) `?{re.escape(heading)}`?[^\n]*\n(.*?)(?=^#{{1,3}} |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[2] if found else ""


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_every_table_and_column_is_told(table: str) -> None:
    told = section(text_of("docs/schema.md"), table)
    assert told, f"docs/schema.md has no heading for the table {table}"
    missing = [column.name for column in Base.metadata.tables[table].columns if f"`{column.name}`" not in told]
    expect_none(missing, f"docs/schema.md does not tell these columns of {table}")


def test_every_kind_of_file_is_told() -> None:
    """Each kind has a row whose first cell has all words that an import says of it; two kinds may share a row."""
    rows = [set(re.findall(r"\w+", row.lower())) for row in re.findall(r"^\| ([^|]+) \|", text_of("docs/formats.md"), re.MULTILINE)]
    missing = [kind.value for kind in SourceKind if not any(set(re.findall(r"\w+", kind.value.lower())) <= row for row in rows)]
    expect_none(missing, "docs/formats.md has no row for these kinds of rows")


@pytest.mark.parametrize(("page", "silent"), [("docs/commands.md", set()), ("docs/formats.md", {"auto"})])
def test_every_choice_of_frame_is_told(page: str, silent: set[str]) -> None:
    wanted = {option for option in re.split(r", | or ", FRAME_OPTIONS) if option} - silent
    missing = sorted(option for option in wanted if f"`{option}`" not in text_of(page))
    expect_none(missing, f"{page} does not tell these values of --frame")


def component_names() -> set[str]:
    """The components of both profiles, from traces of every kind of truth, in one turn and in two."""
    size = Size(1000, 800)
    names: set[str] = set()
    for zoom in (False, True):
        turns = [TurnText("Look at (10, 20).", call=(10, 20), observed=True)] if zoom else []
        parsed = parse(format_turns([*turns, TurnText("It is at (10, 20).", answer="red")]))
        sample = Sample("What is it?", DomainName.VISUAL_SEARCH, (Picture("0" * 64, size),), Truth(TruthKind.TEXT, "red"))
        trace = ground(sample, parsed, CoordinateFrame.original(size), DOMAINS[DomainName.VISUAL_SEARCH].crop, policy="test")
        for profile in ("strict", "vigorl"):
            breakdown = reward(trace, profile)
            assert breakdown is not None
            names.update(component.name for component in breakdown.components)
    return names


def test_every_component_of_a_reward_is_told() -> None:
    told = text_of("docs/rewards.md")
    wanted = {*component_names(), "`strict`", "`vigorl`", *(f"`{kind.value}`" for kind in RewardKind)}
    missing = sorted(name for name in wanted if name not in told)
    expect_none(missing, "docs/rewards.md does not tell these")


@pytest.mark.parametrize("file", ["requirements.txt", "tests/requirements.txt"])
def test_every_dependency_has_its_reason(file: str) -> None:
    rows = dict(re.findall(r"^\| `([\w.-]+)` \| ([^|]+) \|", text_of("docs/dependencies.md"), re.MULTILINE))
    missing = [pin.name for pin in read_pins(ROOT / file) if len(rows.get(pin.name, "").split()) < 3]
    expect_none(missing, f"docs/dependencies.md has no row with a reason for these of {file}")


def test_no_dependency_is_told_that_is_not_pinned() -> None:
    pinned = {pin.name for file in ("requirements.txt", "tests/requirements.txt") for pin in read_pins(ROOT / file)}
    told = re.findall(r"^\| `([\w.-]+)` \|", text_of("docs/dependencies.md"), re.MULTILINE)
    gone = sorted(set(told) - pinned)
    expect_none(gone, "docs/dependencies.md has rows for these, which no requirements file pins: take the rows out")


def test_every_figure_is_explained() -> None:
    sources = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "app/bench").glob("*.py")))
    # What stands before a comma, a bracket or a value: "opening a trace, another each time (100,000 traces)".
    names = {found[1].strip() for found in re.finditer(r"""Figure\(\s*f?"([^",({]+)""", sources)} - {""}
    rows = re.findall(r"^\| ([^|]+) \|", section(text_of("docs/measurements.md"), "What each one means"), re.MULTILINE)
    missing = sorted(name for name in names if not any(row.startswith(name) for row in rows))
    assert names
    expect_none(missing, "docs/measurements.md does not explain these figures of the bench")


# The map


def map_lines() -> Iterator[tuple[str, str]]:
    """The entries of the map in docs/design.md: the path from the root, and what is said of it."""
    inside = section(text_of("docs/design.md"), "The map")
    folders: list[str] = []
    for line in inside.splitlines():
        entry = re.match(r"    ( *)([\w.-]+/?)\s{2,}(\S.*)$", line)
        if entry is None or len(entry[1]) % 2:
            continue
        depth = len(entry[1]) // 2
        del folders[depth:]
        yield "".join(folders) + entry[2], entry[3]
        if entry[2].endswith("/"):
            folders.append(entry[2])


def test_what_the_map_names_is_there() -> None:
    entries = [path for path, _ in map_lines()]
    assert entries, "docs/design.md has no map"
    gone = [path for path in entries if not (ROOT / path).exists()]
    expect_none(gone, "the map of docs/design.md names these, which are not there")
    assert len(entries) == len(set(entries)), "the map of docs/design.md names a file twice"


def test_the_map_names_every_module() -> None:
    told = {path.rstrip("/") for path, _ in map_lines()}
    modules = {named(file) for part in MAPPED for file in (ROOT / part).rglob("*.py") if file.name != "__init__.py"}
    packages = {named(file.parent) for part in MAPPED for file in (ROOT / part).rglob("__init__.py")}
    missing = sorted((modules | packages) - told)
    expect_none(missing, "the map of docs/design.md does not name these: give each a line")


# What must not stand anywhere


def texts() -> Iterator[Path]:
    """Every text of the project but this file, which has to name what it forbids."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(set(folders) - MADE)
        for path in (Path(folder, name) for name in sorted(names)):
            if path.suffix in TEXTS and path.is_file() and path != Path(__file__).resolve():
                yield path


FORBIDDEN = {
    "the number of an issue": re.compile(r"(?<![\w\"'`(&/#])#\d{1,4}(?![0-9a-fA-F\w])|\b(?:issue|pull request|PR) #?\d+\b"),
    "a path of one machine": re.compile(r"(?<![\w.*/-])/(?:work|root)/"),
    "a note of something undone": re.compile(r"\b(?:TODO|FIXME|XXX)\b"),
}
# Colours look like numbers of issues there.
COLOURED = {".css", ".svg", ".js"}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_says_how_it_was_made(what: str) -> None:
    found = []
    for path in texts():
        if what == "the number of an issue" and path.suffix in COLOURED:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if match := FORBIDDEN[what].search(line):
                found.append(f"{named(path)}:{number}: {match[0]}")
    expect_none(found, f"these lines hold {what}")


def test_temporary_folders_stand_in_examples_only() -> None:
    found = []
    for path in texts():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            in_example = path.suffix == ".md" and line.startswith("    ")
            if re.search(r"(?<![\w.*/-])/tmp/", line) and not in_example:
                found.append(f"{named(path)}:{number}: {line.strip()[:100]}")
    expect_none(found, "these lines name a temporary folder of one machine; only shell examples in the pages may")


def test_pages_that_the_program_names_are_there() -> None:
    missing = []
    for path in texts():
        if path.suffix not in {".py", ".js"} or named(path).startswith("tests/"):
            continue
        for name in re.findall(r"(?<![\w./-])[\w/-]+\.md\b", path.read_text(encoding="utf-8")):
            if not any((folder / name).is_file() for folder in (ROOT, DOCS, path.parent)):
                missing.append(f"{named(path)} names {name}, which is not there")
    expect_none(missing, "names of pages that are not there")
