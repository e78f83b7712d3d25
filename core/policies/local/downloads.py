"""Checkpoints of the hub: found in its local cache, or downloaded into it, so that every other program finds them there as well.

Only what is needed is fetched: weights in safetensors, settings, templates, tokenizer. The small files come first, so that a model that
cannot be run is told before its weights are fetched. The hub's own library starts a file from its beginning when it was cut off;
weights are large, so here they go on where they stopped, and are held to their checksum before they count.
"""

from __future__ import annotations

import errno
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, constants, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.hf_api import ModelInfo, RepoSibling
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

from core.errors import PolicyError, PolicyNotFound
from core.policies.local.checkpoints import ADAPTER_CONFIG, CONFIG, family_of, is_adapter
from core.policies.local.documents import read_json
from core.policies.local.memory import gigabytes
from core.policies.machine import free_disk
from core.policies.opening import LoadProgress, Tell, check_stopped

_SMALL = (".json", ".jinja", ".txt", ".model")
_WEIGHTS = ".safetensors"
_PICKLED = (".bin", ".pt", ".pth")
# So often nothing may come of a try before the network is taken to be down.
_TRIES = 4
_SECONDS = 10.0
# The hub's library has changed the library that it speaks HTTP with before; the parent of its own error is that one's.
_HTTP_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]
_ONE_AT_A_TIME = threading.Lock()


def folder_of(name: str, *, progress: Tell, stop: threading.Event | None = None) -> Path:
    """The folder with the files of the hub's checkpoint or adapter `name`: the cached one where it is whole, a downloaded one elsewhere.

    Raises PolicyNotFound where there is no such checkpoint, PolicyError where it cannot be had.
    """
    here = cached(name)
    if here is not None and is_whole(here):
        return here
    with _told(name):
        info = HfApi().model_info(name, files_metadata=True, timeout=_SECONDS)
        check_stopped(stop)
        return _download(name, info, progress, stop)


@dataclass(frozen=True, slots=True)
class Remote:
    """A model as the hub has it: bytes to be downloaded, and its kind (`model_type`) where the hub tells it."""

    size: int
    kind: str | None


def on_the_hub(name: str, seconds: float) -> Remote:
    """What the hub says of `name`, asked for so many seconds; nothing is downloaded. Raises as `folder_of` does."""
    with _told(name):
        info = HfApi().model_info(name, files_metadata=True, timeout=seconds)
        kind = (info.config or {}).get("model_type")
        return Remote(sum(file.size or 0 for file in _needed(name, info)), kind if isinstance(kind, str) else None)


def cached(name: str) -> Path | None:
    """The folder in the hub's cache with what there is of `name` (its main revision); None where there is nothing."""
    for file in (CONFIG, ADAPTER_CONFIG):
        found = try_to_load_from_cache(name, file)
        if isinstance(found, str):
            return Path(found).parent
    return None


def cached_names() -> list[str]:
    """The names of all models in the hub's cache, in order."""
    root = Path(constants.HF_HUB_CACHE)
    folders = sorted(root.glob("models--*")) if root.is_dir() else []
    names = (folder.name.removeprefix("models--").replace("--", "/", 1) for folder in folders)
    return [name for name in names if "/" in name]


def is_whole(folder: Path) -> bool:
    """Whether all that a checkpoint or an adapter needs lies in `folder`; whether it is right is found out by reading it."""
    if is_adapter({entry.name for entry in folder.iterdir()}):
        return (folder / "adapter_model.safetensors").is_file()
    index = folder / "model.safetensors.index.json"
    try:
        weights = set(read_json(index)["weight_map"].values()) if index.is_file() else {"model.safetensors"}
    except (PolicyError, KeyError, AttributeError, TypeError):
        return True  # broken, and told when it is read
    words = any((folder / file).is_file() for file in ("tokenizer.json", "vocab.json"))
    return words and all((folder / file).is_file() for file in weights)


@dataclass(slots=True)
class _Count:
    """Bytes that came, and the news of it."""

    name: str
    total: int
    tell: Tell
    stop: threading.Event | None
    done: int = 0
    fresh: int = 0
    began: float = 0.0
    told: float = -1.0

    def add(self, size: int, *, fresh: bool = True) -> None:
        """So many bytes more; `fresh` ones came just now. Raises PolicyError where the download is to stop."""
        check_stopped(self.stop)
        now = time.monotonic()
        self.began = self.began or now
        self.done += size
        self.fresh += size if fresh else 0
        if now - self.told < 0.1 and self.done < self.total:
            return
        self.told = now
        passed = now - self.began
        left = (self.total - self.done) * passed / self.fresh if self.fresh and passed > 0.5 else None
        self.tell(LoadProgress(f"Downloading {self.name}", self.done, self.total, left))


def _download(name: str, info: ModelInfo, progress: Tell, stop: threading.Event | None) -> Path:
    files = _needed(name, info)
    small = [file for file in files if not file.rfilename.endswith(_WEIGHTS)]
    count = _Count(name, sum(file.size or 0 for file in files), progress, stop)
    # Asked for by the branch's name, the first file notes in the cache which revision that is; the others are of the same revision.
    folder = Path(str(hf_hub_download(name, small[0].rfilename))).parent
    for file in small:
        hf_hub_download(name, file.rfilename, revision=info.sha)
        count.add(file.size or 0)
    if (folder / CONFIG).is_file():
        family_of(read_json(folder / CONFIG), name)
    weights = [file for file in files if file not in small]
    _check_disk(name, weights)
    for file in weights:
        _fetch(name, str(info.sha), file, count)
        hf_hub_download(name, file.rfilename, revision=info.sha)
    return folder


def _needed(name: str, info: ModelInfo) -> list[RepoSibling]:
    """The files of a repository that are needed. Raises PolicyError where it holds no model that can be run."""
    top = [file for file in info.siblings or [] if "/" not in file.rfilename]
    names = {file.rfilename for file in top}
    if not names & {CONFIG, ADAPTER_CONFIG}:
        raise PolicyError(f"{name} on the hub holds no model: it has neither {CONFIG} nor {ADAPTER_CONFIG}.")
    starts = "adapter_model" if is_adapter(names) else "model"
    weights = [file for file in top if file.rfilename.endswith(_WEIGHTS) and file.rfilename.startswith(starts)]
    if not weights:
        pickled = sorted(file for file in names if file.endswith(_PICKLED))
        if pickled:
            raise PolicyError(
                f"{name} has its weights as {pickled[0]} only, a format that can run programs when it is read, so it is refused: "
                "take a version with safetensors, or convert it (https://huggingface.co/spaces/safetensors/convert)."
            )
        raise PolicyError(f"{name} on the hub has no weights in safetensors: take another version of it.")
    return [file for file in top if file.rfilename.endswith(_SMALL)] + sorted(weights, key=lambda file: file.rfilename)


def _repository(name: str) -> Path:
    return Path(constants.HF_HUB_CACHE) / str(repo_folder_name(repo_id=name, repo_type="model"))


def _check_disk(name: str, weights: list[RepoSibling]) -> None:
    blobs = _repository(name) / "blobs"
    there = sum(_size(blobs / file) for weight in weights if weight.lfs for file in (weight.lfs.sha256, f"{weight.lfs.sha256}.part"))
    wanted, free = sum(file.size or 0 for file in weights) - there, free_disk(blobs)
    if wanted > free:
        raise PolicyError(
            f"{name} needs {gigabytes(wanted)} on the disk of {constants.HF_HUB_CACHE}, and {gigabytes(free)} is free: "
            "make room, or name a folder on another disk in the variable HF_HOME."
        )


def _fetch(name: str, revision: str, file: RepoSibling, count: _Count) -> None:
    """One file of weights into the cache's store of contents, going on with what was fetched of it before."""
    if file.lfs is None:  # small enough to lie in the repository itself: the hub's library fetches it
        count.add(file.size or 0)
        return
    blob = _repository(name) / "blobs" / file.lfs.sha256
    if blob.exists():
        count.add(file.size or 0, fresh=False)
        return
    blob.parent.mkdir(parents=True, exist_ok=True)
    part = blob.with_name(f"{blob.name}.part")
    with _ONE_AT_A_TIME:
        count.add(_size(part), fresh=False)
        in_vain = 0
        while (before := _size(part)) < file.lfs.size:
            try:
                _go_on(hf_hub_url(name, file.rfilename, revision=revision), part, count)
            except _HTTP_ERROR as error:
                in_vain = 0 if _size(part) > before else in_vain + 1
                if isinstance(error, HfHubHTTPError) or in_vain == _TRIES:
                    raise
                _wait(0.25 * 2**in_vain, count.stop)
        if _checksum(part, count.stop) != file.lfs.sha256:
            part.unlink(missing_ok=True)
            raise PolicyError(f"{file.rfilename} of {name} came over damaged (its checksum is another): start the download again.")
        part.replace(blob)


def _wait(seconds: float, stop: threading.Event | None) -> None:
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wait(seconds)
    check_stopped(stop)


def _go_on(url: str, part: Path, count: _Count) -> None:
    """Fetch what is missing of a file. Raises the HTTP library's errors, and PolicyError where it is stopped."""
    have = _size(part)
    headers = {**build_hf_headers(), "Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with get_session().stream("GET", url, headers=headers, follow_redirects=True, timeout=_SECONDS) as response:
        hf_raise_for_status(response)
        if have and response.status_code != 206:  # the server starts from the beginning all the same
            count.add(-have, fresh=False)
            have = 0
        with part.open("ab" if have else "wb") as opened:
            # As they come: larger pieces would be lost when the connection breaks.
            for piece in response.iter_bytes():
                opened.write(piece)
                count.add(len(piece))


def _checksum(file: Path, stop: threading.Event | None) -> str:
    found = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(2**22):
            check_stopped(stop)
            found.update(piece)
    return found.hexdigest()


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _kept(name: str) -> str:
    return " What was fetched is kept: the next start goes on from there." if _repository(name).is_dir() else ""


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What can go wrong between here and the hub, in a sentence each."""
    page = f"{constants.ENDPOINT}/{name}"
    try:
        yield
    except GatedRepoError as error:
        raise PolicyError(f"{name} is given out to people who ask: ask at {page}, then sign in here with: hf auth login") from error
    except RepositoryNotFoundError as error:
        raise PolicyNotFound(
            f"The hub knows no model {name}: check the spelling at {page}. If it is private, sign in with: hf auth login"
        ) from error
    except HFValidationError as error:
        raise PolicyNotFound(f"{name} is no name of a model on the hub: it is written organisation/name.") from error
    except OfflineModeIsEnabled as error:
        raise PolicyError(f"{name} is not in the local cache as a whole, and HF_HUB_OFFLINE forbids to download it: unset it.") from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "no answer"
        raise PolicyError(f"The hub did not give {name} out (status {status}): try again later.{_kept(name)}") from error
    except (_HTTP_ERROR, LocalEntryNotFoundError) as error:
        raise PolicyError(
            f"The connection to {constants.ENDPOINT} failed while {name} was asked for ({_first_line(error)}): check the network, or name "
            f"a folder with the checkpoint.{_kept(name)}"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise PolicyError(
                f"The disk of {constants.HF_HUB_CACHE} is full: make room, or name a folder on another disk in the variable HF_HOME."
            ) from error
        raise PolicyError(f"{name} could not be downloaded ({_first_line(error)}): try again.") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
