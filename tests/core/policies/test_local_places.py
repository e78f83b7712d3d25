"""Where pictures stand among tokens, and the positions of tokens: as transformers' own classes have them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.errors import PolicyError
from core.policies.conversation import Shown
from core.policies.local.loading import LoadedModel
from core.policies.local.places import lay_out


def test_positions_are_those_of_transformers(loaded: LoadedModel) -> None:
    image_id, cell = loaded.rendering.image_id, loaded.card.factor

    @given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6)), max_size=4), st.integers(1, 5))
    def check(parts: list[tuple[int, int, int]], ending: int) -> None:
        ids: list[int] = []
        pictures = []
        for words, rows, columns in parts:
            ids += [5] * words + [image_id] * (rows * columns)
            pictures.append(Shown(f"{rows} {columns}", Image.new("RGB", (columns * cell, rows * cell))))
        ids += [6] * ending
        layout = lay_out(ids, pictures, image_id=image_id, cell=cell)
        whole = torch.tensor([ids])
        grids = torch.tensor([[1, 2 * rows, 2 * columns] for _, rows, columns in parts]) if parts else None
        theirs, _ = loaded.model.model.get_rope_index(whole, (whole == image_id).int(), image_grid_thw=grids)
        assert (layout.positions == theirs[:, 0].numpy()).all()
        assert layout.after == int(theirs.max()) + 1
        assert [place.shown for place in layout.places] == pictures

    check()


def test_pictures_and_their_tokens_have_to_agree() -> None:
    shown = Shown("one", Image.new("RGB", (56, 28)))
    for ids, pictures in (([1, 9, 9, 2], []), ([1, 9, 2], [shown]), ([1, 9, 2, 9], [shown]), ([1, 9, 9, 9], [shown]), ([1], [shown])):
        with pytest.raises(PolicyError, match="picture tokens"):
            lay_out(ids, pictures, image_id=9, cell=28)
