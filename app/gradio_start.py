"""Imports gradio so that it starts fast, stays on this machine, and writes nothing into the environment."""

from __future__ import annotations

import gc
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType

# Nothing leaves the machine by itself: no usage figures, no look-up of newer versions. The hub is asked for what somebody names.
OFFLINE = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}

_STUBS = "gradio.component_meta"


@contextmanager
def quick_and_offline() -> Iterator[None]:
    """Load the heavy packages and build the app inside this block.

    Two things are left out. The garbage collector would walk half a million new objects that all stay. And gradio rewrites, at every
    import, a stub file for code editors beside each of its components, which takes as long as all the rest of its import.
    """
    os.environ.update(OFFLINE)
    finder = _NoStubs()
    sys.meta_path.insert(0, finder)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        sys.meta_path.remove(finder)


class _NoStubs(importlib.abc.MetaPathFinder):
    """Finds gradio's module that writes the stubs, and lets it be loaded with that one function doing nothing."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != _STUBS:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(fullname, path, target)) and spec.loader:
                spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader(importlib.abc.Loader):
    """Loads a module as its own loader does, then takes the writing of stubs out of it."""

    def __init__(self, own: importlib.abc.Loader) -> None:
        self.own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.own.exec_module(module)
        if hasattr(module, "create_or_modify_pyi"):
            vars(module)["create_or_modify_pyi"] = _leave_out


def _leave_out(*arguments: object) -> None:
    return None
