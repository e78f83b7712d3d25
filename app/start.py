"""What is looked at before anything heavy is imported: the address to listen on and the folder to write in.

Each check ends in a StartError whose sentence names the value and the mend.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import shutil
import socket
import tempfile
from pathlib import Path

from core.errors import StartError

ROOM = 16_000_000  # bytes that must be free in the data folder: a journal, a thumbnail and an answer still fit
BACKLOG = 128  # connections that wait while the program is still being loaded


def listen(host: str, port: int) -> socket.socket:
    """A socket that already listens on `host` and `port` (0: any free port), so that no other start can take them meanwhile.

    Raises StartError for a name that is not known, an address that is not this machine's, and a port that is taken or not allowed.
    Whether other machines may be listened to is known only when the accounts are: see `reached_by_others`.
    """
    address = _address(host)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listening = socket.create_server((address, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise StartError(_why_not(host, port, error)) from error
    # What is accepted inherits this. Without it the end of every answer waits some 40 ms for the other side's word that the beginning came.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def web_address(listening: socket.socket) -> str:
    """The address to type into a browser for a listening socket."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        # Listening on every address of the machine: its name is one that others can use.
        host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def reached_by_others(listening: socket.socket) -> bool:
    """Whether other machines may reach a listening socket: its address is not the loopback."""
    host = str(listening.getsockname()[0]).partition("%")[0]
    return not ipaddress.ip_address(host).is_loopback


def prepare_data_dir(folder: Path, *, read_only: bool = False) -> None:
    """See that `folder` exists, can be written in and has room; where `read_only`, that it exists.

    Raises StartError. The proof is a small file that is really written: permission bits do not tell the whole truth.
    """
    if read_only:
        if not folder.is_dir():
            raise StartError(f"There is no data folder {folder} to read: name another with --data-dir, or start without --read-only.")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 65536)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        raise StartError(_no_data_dir(folder, error)) from error
    if (free := shutil.disk_usage(folder).free) < ROOM:
        raise StartError(_no_room(folder, free))


def _address(host: str) -> str:
    """The first numeric address of `host`. Raises StartError where it has none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise StartError(f"The host {host!r} is not known on this machine: use --host 127.0.0.1.") from error
    return str(found[0][4][0])


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else port - 1
        return f"Port {port} on {host} is taken, perhaps by a Saccade that is already running: try --port {other}, or 0 for any free port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} on {host} needs rights that this account does not have: use one above 1023, such as --port 7860."
    return f"Saccade cannot listen on {host}, port {port} ({error.strerror}): use --host 127.0.0.1 and another --port."


def _no_data_dir(folder: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _no_room(folder, 0)
    reason = "a file is in its place" if isinstance(error, (FileExistsError, NotADirectoryError)) else error.strerror
    return f"The data folder {folder} cannot be written in ({reason}): name another with --data-dir."


def _no_room(folder: Path, free: int) -> str:
    return (
        f"The disk of the data folder {folder} is full ({free / 1e6:.0f} MB are free, {ROOM / 1e6:.0f} MB are needed): free some space, "
        "or name a folder on another disk with --data-dir."
    )
