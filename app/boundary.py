"""The last stop of every error: a sentence on standard error and an exit code, never a traceback, for what a person can mend.

A defect of the program itself still ends in its traceback: hiding it would help nobody.
"""

# ruff: noqa: T201 - errors are said through print

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from core.errors import SaccadeError

STOPPED_BY_KEY = 128 + signal.SIGINT
STOPPED_BY_SIGNAL = 128 + signal.SIGTERM


class Terminated(KeyboardInterrupt):
    """The system asked the program to end; it winds up as it does after Ctrl-C."""


def in_one_sentence(action: Callable[[], int]) -> int:
    """Run `action`; its exit code, or 1 after a sentence on standard error, 130 after Ctrl-C, 143 after a request to end."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return action()
    except SaccadeError as error:
        return _say(str(error), 1)
    except BrokenPipeError:
        # The reader of our output went away (`... | head`). Python would complain once more while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return _say(disk_full(error.filename), 1)
    except Terminated as stop:
        return _say(str(stop) or "Stopped.", STOPPED_BY_SIGNAL)
    except KeyboardInterrupt as stop:
        return _say(str(stop) or "Stopped.", STOPPED_BY_KEY)


def disk_full(place: object) -> str:
    """The sentence for a disk with no room left; `place` is the file or folder that was being written, where it is known."""
    where = f" while {place} was written" if place else ""
    return f"The disk is full{where}: free some space and start again, or name a folder on another disk with --data-dir."


def _say(sentence: str, code: int) -> int:
    print(f"saccade: {sentence}", file=sys.stderr, flush=True)
    return code


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
