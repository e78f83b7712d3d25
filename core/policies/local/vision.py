"""What the model sees: pictures through the vision tower, each only once while it is kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import torch

from core.policies.conversation import Shown
from core.policies.local.forward import PictureFeatures
from core.policies.local.rendering import Rendering

# Features that are kept, and prepared pixels that wait for the tower. A picture of 1,000 tokens has 7 MB of features in a model of 7B.
_KEPT_BYTES = 512 * 2**20
_WAITING_BYTES = 256 * 2**20
# Patches that go through the tower together: more at once are hardly faster, and need memory at the same time.
_PATCHES = 8192

Value = TypeVar("Value")


class Eyes:
    """A checkpoint's vision tower with what it saw. `check` is called before each of its blocks; what it raises ends the pass.

    `prepare` may be called from any thread, everything else from the thread that runs the model.
    """

    def __init__(self, model: Any, rendering: Rendering, check: Callable[[], None]) -> None:
        whole = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._model, self._rendering = whole.model, rendering
        self._pixels: _Kept[tuple[torch.Tensor, torch.Tensor]] = _Kept(_WAITING_BYTES)
        self._features: _Kept[PictureFeatures] = _Kept(_KEPT_BYTES)
        self._hooks = [block.register_forward_pre_hook(lambda *_: check()) for block in whole.model.visual.blocks]
        self.pictures = 0

    def prepare(self, shown: Shown) -> None:
        """Make a picture's pixels ready, where it was not seen. Raises PolicyError where it cannot be shown."""
        if self._features.get(shown.key) is None and self._pixels.get(shown.key) is None:
            pixels = self._rendering.pixels(shown)
            self._pixels.put(shown.key, pixels, _bytes(pixels))

    def see(self, pictures: Sequence[Shown]) -> dict[str, PictureFeatures]:
        """The features of pictures by their keys; those that were never seen, or not for long, go through the tower."""
        seen: dict[str, PictureFeatures] = {}
        missing: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        for shown in pictures:
            kept = self._features.get(shown.key)
            if kept is not None:
                seen[shown.key] = kept
            elif shown.key not in missing:
                missing[shown.key] = self._pixels.take(shown.key) or self._rendering.pixels(shown)
        while missing:
            together: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
            while missing and (not together or sum(len(part[0]) for part in together.values()) < _PATCHES):
                key = next(iter(missing))
                together[key] = missing.pop(key)
            seen.update(self._look(together))
        return seen

    def forget(self) -> None:
        """Give the memory of what was seen back."""
        self._features.clear()

    def close(self) -> None:
        """Leave the model as it was."""
        for hook in self._hooks:
            hook.remove()
        self._features.clear()
        self._pixels.clear()
        # What is prepared from now on is for nobody; the tower itself is freed with whoever else holds it.
        del self._model

    def _look(self, together: dict[str, tuple[torch.Tensor, torch.Tensor]]) -> dict[str, PictureFeatures]:
        tower = self._model.visual
        device = next(tower.parameters()).device
        pixels = torch.cat([part[0] for part in together.values()]).to(device)
        grids = torch.cat([part[1] for part in together.values()]).to(device)
        made = self._model.get_image_features(pixels, grids, return_dict=True)
        deep = getattr(made, "deepstack_features", None) or ()
        seen = {}
        for number, key in enumerate(together):
            features = PictureFeatures(made.pooler_output[number], tuple(layer[number] for layer in deep))
            self._features.put(key, features, _bytes((features.embeds, *features.deep)))
            seen[key] = features
        self.pictures += len(together)
        return seen


class _Kept(Generic[Value]):
    """Values by key, the ones used last, up to a number of bytes; safe to use from several threads."""

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._values: OrderedDict[str, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Value | None:
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def take(self, key: str) -> Value | None:
        with self._lock:
            found = self._values.pop(key, None)
            self._bytes -= found[1] if found is not None else 0
            return found[0] if found is not None else None

    def put(self, key: str, value: Value, size: int) -> None:
        with self._lock:
            if key in self._values:
                self._bytes -= self._values.pop(key)[1]
            self._values[key] = (value, size)
            self._bytes += size
            while self._bytes > self._most and len(self._values) > 1:
                self._bytes -= self._values.popitem(last=False)[1][1]

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._bytes = 0


def _bytes(tensors: Sequence[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
