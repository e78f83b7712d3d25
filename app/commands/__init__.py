"""The commands of `launch.py`, by name, and how its command line is read.

A command is a module in this folder with two functions:

    add_arguments(parser: argparse.ArgumentParser) -> None    the options it takes
    run(arguments: argparse.Namespace) -> int                 does it; the exit code comes back; raises SaccadeError

It is imported before the environment is prepared, so that a mistyped option costs no install: its top imports the standard library,
`app.settings` and `core.errors` only, and `run` imports the rest. To add one, write the module and give it a line in `COMMANDS`.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from app.settings import VALUE_OPTIONS
from core.errors import StartError

RUNTIME = "requirements.txt"
TESTS = "tests/requirements.txt"


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its module, a line for the help, the requirement files it needs, and whether its arguments are left unread.

    A verbatim command finds what follows its name in `arguments.rest`.
    """

    module: str
    summary: str
    requirements: tuple[str, ...] = (RUNTIME,)
    verbatim: bool = False


WORKBENCH = Command("app.commands.serve", "Open the workbench in the browser.")

COMMANDS: Mapping[str, Command] = {
    "ask": Command("app.commands.ask", "put a question about a picture to a policy, and watch it look"),
    "bench": Command("app.commands.bench", "measure this program on this machine", (RUNTIME,)),
    "doctor": Command("app.commands.doctor", "say what this machine has, which policies load on it, and what is missing"),
    "import": Command("app.commands.import_traces", "bring in traces, with a verdict for every line"),
    "export": Command("app.commands.export_traces", "write traces as JSON lines or as a table"),
    "results": Command("app.commands.results", "accuracy, helpfulness and agreement of a human study"),
    "raters": Command("app.commands.raters", "say who may come in, and as what: add, list, password, role, close, reopen, hash"),
    "remove": Command("app.commands.remove_dataset", "take a data set out of the store, with everything in it"),
    "eval": Command("app.commands.evaluate", "how well a policy answers drawn questions, and what its looks are worth"),
    "policies": Command("app.commands.policies", "the policies that were trained here: how they did, and which are offered"),
    "improve": Command("app.commands.improve", "from records that people preferred to a policy, evaluated beside the one before"),
    "ladder": Command("app.commands.ladder", "the paper's comparisons in the small: trainings from one start, over several seeds"),
    # Named and not imported: nothing of the workbench knows the trainers.
    "train": Command("training.command", "fine-tune a checkpoint on curated records, or on drawn scenes, as a recipe says"),
    "runs": Command("app.commands.runs", "the runs of training: list, show, watch, stop"),
    "probe": Command("training.probe", "whether a net can learn to read what only a look shows"),
    "test": Command("app.commands.run_tests", "run the whole test suite; what follows goes to pytest", (RUNTIME, TESTS), verbatim=True),
}


def read(argv: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    """The command that `argv` names (the workbench where it names none) and its arguments.

    Raises StartError for an unknown command. Prints and leaves, with argparse's code 2, for an option that is not understood.
    """
    at = _place_of_name(argv)
    if at is None:
        return WORKBENCH, _parser(WORKBENCH, "").parse_args(argv)
    name = argv[at]
    command = COMMANDS.get(name)
    if command is None:
        if at > 0:  # more likely the value of a mistyped option, which the parser names
            _parser(WORKBENCH, "").parse_args(argv)
        raise StartError(_unknown(name))
    before, after = argv[:at], argv[at + 1 :]
    parser = _parser(command, name)
    if not command.verbatim:
        return command, parser.parse_args([*before, *after])
    arguments = parser.parse_args(before)
    arguments.rest = list(after)
    return command, arguments


def run(command: Command, arguments: argparse.Namespace) -> int:
    """Run `command` in an environment that is prepared; its exit code. Raises SaccadeError."""
    code: int = import_module(command.module).run(arguments)
    return code


def _place_of_name(argv: Sequence[str]) -> int | None:
    """Where the command's name stands: the first word that is neither an option nor the value of one."""
    skip = False
    for place, word in enumerate(argv):
        if skip:
            skip = False
        elif word in VALUE_OPTIONS:
            skip = True
        elif not word.startswith("-"):
            return place
    return None


def _parser(command: Command, name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"launch.py {name}".rstrip(),
        description=command.summary,
        epilog=None if name else _list_of_commands(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    import_module(command.module).add_arguments(parser)
    return parser


def _list_of_commands() -> str:
    lines = (f"  {name:<10} {command.summary}" for name, command in COMMANDS.items())
    return "\n".join(["commands, each with its own --help:", *lines])


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    meant = f" Did you mean {close[0]!r}?" if close else ""
    return f"There is no command {name!r}.{meant} The commands are: {', '.join(COMMANDS)}; without one, the workbench opens."
