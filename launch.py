"""Start Saccade: `python3 launch.py` opens the workbench, `python3 launch.py test` runs the tests, `--help` lists the rest.

A fresh clone needs Python 3.11 or later with pip and venv, and nothing else: the first start makes `.venv`, installs the pinned
requirements and goes on in it. This file keeps to the syntax of Python 3.6, so that an older Python gets a sentence to act on and not
a syntax error.
"""

import sys

OLDEST = (3, 11)


def main(argv: "list[str]") -> int:
    """Run the command that `argv` (without the program's name) asks for; the exit code comes back."""
    if sys.version_info[:2] < OLDEST:
        print(
            "saccade: Saccade needs Python {}.{} or later, and this is Python {}.{} ({}). Install a newer Python and start with it, for "
            "example: python3.12 launch.py".format(*OLDEST, *sys.version_info[:2], sys.executable),
            file=sys.stderr,
        )
        return 1
    from app.boundary import in_one_sentence

    return in_one_sentence(lambda: start(argv))


def start(argv: "list[str]") -> int:
    """Read the command line, see to the environment, and run the command in it; raises SaccadeError."""
    from pathlib import Path

    from app import bootstrap, commands

    command, arguments = commands.read(argv)
    bootstrap.prepare(Path(__file__).resolve().parent, command.requirements, argv)
    return commands.run(command, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
