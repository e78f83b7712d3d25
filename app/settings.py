"""What one start of the program is told: by its flags first, then by its environment, then by the defaults below.

    flag          environment         default
    --host        SACCADE_HOST        127.0.0.1
    --port        SACCADE_PORT        7860 (0: any free port)
    --data-dir    SACCADE_DATA_DIR    the folder data/ beside launch.py
    --database    SACCADE_DATABASE    a SQLite file in the data folder
    --auth        SACCADE_AUTH        no file: the accounts in the database, where there are any
    --policy REF  SACCADE_POLICY      none: recorded runs are played back (--policy may be repeated, the variable has commas)
    --runs DIR    SACCADE_RUNS        runs (--runs may be repeated, the variable has what separates paths)
    --behind-proxy                    nobody's word is taken for where a request comes from
    --no-browser                      the browser is opened where there is a desktop
    --read-only                       reading and writing

The database's address belongs in the environment where it holds a password: a command line is seen by everybody on the machine.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import StartError

HOST = "127.0.0.1"
PORT = 7860
DATA_DIR = Path(__file__).resolve().parent.parent / "data"
DATABASE_FILE = "saccade.sqlite3"
RUNS = "runs"
# The names of `core.trace.DomainName`, which is not imported here: the command line is read before the environment is there.
DOMAINS = ("spatial", "visual_search", "web_grounding", "web_action")

# The options that take a value. The command line is searched for the command's name before any parser knows its options.
VALUE_OPTIONS = frozenset({"--host", "--port", "--data-dir", "--database", "--auth", "--policy", "--runs"})


@dataclass(frozen=True, slots=True)
class Settings:
    """One start, decided: where to listen, where the data lie, and whether they may be changed.

    database_url  None: the SQLite file in the data folder
    auth          the file that says who may come in; None: the accounts that the database has
    behind_proxy  whether a proxy on this machine is believed when it says where a request comes from, and whether by https
    policies      references of the policies that can be asked from the start on
    runs          folders of runs of training; what is begun here goes to the first
    """

    host: str
    port: int
    data_dir: Path
    database_url: str | None
    open_browser: bool
    read_only: bool
    auth: Path | None = None
    behind_proxy: bool = False
    policies: tuple[str, ...] = ()
    runs: tuple[Path, ...] = (Path(RUNS),)


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the options of a command that listens."""
    group = parser.add_argument_group("the server")
    group.add_argument("--host", metavar="ADDRESS", help=f"address to listen on; others than this machine's need accounts (default {HOST})")
    group.add_argument("--port", type=_port, metavar="N", help=f"port to listen on, 0 for any free one (default {PORT})")
    group.add_argument("--auth", type=Path, metavar="FILE", help="who may come in: NAME:ROLE:HASH a line, made by `launch.py raters hash`")
    proxy = "believe a proxy on this machine about where requests come from (X-Forwarded-For, X-Forwarded-Proto)"
    group.add_argument("--behind-proxy", action="store_true", help=proxy)
    asked = "a model that can be asked: a hub name, a folder, or a server as http://host:port/v1#model; may be repeated"
    group.add_argument("--policy", dest="policies", action="append", default=[], metavar="REF", help=asked)
    runs = f"a folder of runs of training, watched and begun under Train; may be repeated (default {RUNS})"
    group.add_argument("--runs", type=Path, action="append", default=[], metavar="DIR", help=runs)
    group.add_argument("--no-browser", action="store_true", help="do not open the browser")


def at_least_one(text: str) -> int:
    """A count from a command line's text; argparse shows the sentence."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no such number: give a whole number of at least 1")
    return int(text)


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the options of a command that reads or writes the store."""
    group = parser.add_argument_group("the store")
    group.add_argument("--data-dir", type=Path, metavar="FOLDER", help="folder of the database and the pictures (default data/)")
    group.add_argument("--database", metavar="URL", help="SQLAlchemy address of another database, such as postgresql+psycopg://...")
    group.add_argument("--read-only", action="store_true", help="change nothing in the database or the data folder")


def settings_from(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    """The settings of this start. Options that the command does not have keep their defaults.

    Raises StartError for a value of the environment that cannot be used.
    """
    given = vars(arguments)
    data_dir = Path(given.get("data_dir") or environment.get("SACCADE_DATA_DIR") or DATA_DIR).expanduser().absolute()
    port = given.get("port")
    auth = given.get("auth") or environment.get("SACCADE_AUTH")
    return Settings(
        host=given.get("host") or environment.get("SACCADE_HOST") or HOST,
        port=_port_of_environment(environment) if port is None else port,
        data_dir=data_dir,
        database_url=given.get("database") or environment.get("SACCADE_DATABASE"),
        open_browser=not given.get("no_browser", False),
        read_only=given.get("read_only", False),
        auth=Path(auth).expanduser().absolute() if auth else None,
        behind_proxy=given.get("behind_proxy", False),
        policies=_policies(given.get("policies"), environment),
        runs=_runs(given.get("runs") or [], environment),
    )


def _policies(given: list[str] | None, environment: Mapping[str, str]) -> tuple[str, ...]:
    """References of policies, each once; none for a command that does not listen."""
    if given is None:
        return ()
    named = given or environment.get("SACCADE_POLICY", "").split(",")
    return tuple(dict.fromkeys(reference.strip() for reference in named if reference.strip()))


def _runs(given: list[Path], environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders of runs, each once."""
    named = given or [Path(path) for path in environment.get("SACCADE_RUNS", "").split(os.pathsep) if path] or [Path(RUNS)]
    return tuple(dict.fromkeys(path.expanduser() for path in named))


def _port(text: str) -> int:
    """A port from a command line's text; argparse shows the sentence."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a whole number from 0 to 65535")
    return int(text)


def _port_of_environment(environment: Mapping[str, str]) -> int:
    text = environment.get("SACCADE_PORT")
    if not text:
        return PORT
    try:
        return _port(text)
    except argparse.ArgumentTypeError as error:
        raise StartError(f"SACCADE_PORT: {error}.") from error
