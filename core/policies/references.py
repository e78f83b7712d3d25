"""How a policy is named, in one line: a hub name, a folder, a server's address, or a recording. Nothing heavy is imported.

Qwen/Qwen2.5-VL-3B-Instruct      a checkpoint on the hub
./checkpoints/mine               a checkpoint, or an adapter, in a folder
http://localhost:8000/v1#model   a server that speaks the OpenAI protocol; the model may be left out where it has one only
replay, replay:FILE.jsonl        a recorded run, played back
needle                           the small policy that ships, which looks into drawn scenes; a folder of that name is written ./needle
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from core.errors import PolicyError

_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_EVERY_RUN_HAS = re.compile(
    r"checkpoint-\d+|global_step_?\d+|step_?\d+|final|best|last|latest|merged|adapter|model|output|trained", re.IGNORECASE
)
REPLAY = "replay"
"""The recorded run that ships; in the workbench, the recorded runs of its store."""
NEEDLE = "needle"
"""The small policy that ships, in the folder that `needle_folder` names."""
FORMS = "a hub name (organisation/name), a folder, a server (http://host:port/v1#model), needle, or replay"
"""What a reference can be, for sentences and help."""
# The small policy's checkpoint in this repository; another one can be put in its place for a start.
_SHIPPED = Path(__file__).resolve().parents[2] / "static" / "policies" / NEEDLE
_OTHER_FOLDER = "SACCADE_NEEDLE"


class ReferenceKind(StrEnum):
    """What a reference names."""

    HUB = "hub"
    FOLDER = "folder"
    SERVER = "server"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference, read.

    text   as it was written, without spaces around it
    place  the hub name, the folder, the server's address without its model, or the recording's file ("": the one that ships)
    model  the server's model; None where none is named
    """

    text: str
    kind: ReferenceKind
    place: str
    model: str | None = None

    @property
    def name(self) -> str:
        """How it is called in lists: the hub name, the folder's name, the server's model or address.

        A folder that is called as every run calls one of its own ("checkpoint-500") is named together with the folder around it.
        """
        if self.text == NEEDLE:
            return NEEDLE.capitalize()
        if self.kind is ReferenceKind.FOLDER:
            place = Path(self.place).resolve()
            around = place.parent.name if _EVERY_RUN_HAS.fullmatch(place.name) else ""
            return f"{around}/{place.name}" if around else place.name or self.place
        return self.model or self.place or REPLAY


def read_reference(text: str) -> Reference:
    """What `text` names. A folder that is there is taken before a hub name that is spelled like it, as transformers does.

    Raises PolicyError for anything that is none of the four. Whether there is such a checkpoint or server is not looked at.
    """
    text = text.strip()
    if not text or not text.isprintable():
        raise PolicyError(f"A policy is named by {FORMS}, not by {'nothing' if not text else repr(text)}.")
    if is_replay(text):
        return Reference(text, ReferenceKind.REPLAY, text[len(REPLAY) + 1 :])
    if text == NEEDLE:
        return Reference(text, ReferenceKind.FOLDER, str(needle_folder()))
    if "://" in text:
        return _server(text)
    if text.startswith(("/", "./", "../", "~", ".\\", "..\\")) or text in (".", "..") or _is_folder(text):
        return Reference(text, ReferenceKind.FOLDER, str(Path(os.path.expanduser(text))))
    if _HUB_NAME.fullmatch(text) and ".." not in text and "--" not in text:
        return Reference(text, ReferenceKind.HUB, text)
    raise PolicyError(f"{text!r} names no policy: give {FORMS}. A folder below this one is written ./{text.split('/')[0] or 'folder'}.")


def needle_folder() -> Path:
    """Where the policy that ships lies: static/policies/needle, or what the environment variable SACCADE_NEEDLE names."""
    return Path(os.environ.get(_OTHER_FOLDER) or _SHIPPED).expanduser()


def needle_ships() -> bool:
    """Whether that folder holds a checkpoint: a configuration, and weights."""
    folder = needle_folder()
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def is_replay(text: str) -> bool:
    """Whether a reference, without spaces around it, names a recorded run."""
    return text == REPLAY or text.startswith(f"{REPLAY}:")


def _server(text: str) -> Reference:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise PolicyError(f"This is no address of a server ({error}): write http://host:port/v1#model.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PolicyError("This is no address of a server: write http://host:port/v1#model.")
    if parts.username is not None or parts.password is not None or parts.query:
        # Not repeated in the sentence: what stands before the @, or behind the question mark, may be a secret.
        raise PolicyError(f"A key does not belong into an address: name {parts.hostname}{f':{port}' if port else ''} without it.")
    place = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or "/v1", "", ""))
    return Reference(text, ReferenceKind.SERVER, place, parts.fragment or None)


def _is_folder(text: str) -> bool:
    try:
        return Path(text).is_dir()
    except OSError:  # a name that is too long for a path
        return False
