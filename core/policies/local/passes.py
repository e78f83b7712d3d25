"""What goes into the next forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.policies.conversation import Shown
from core.policies.local.forward import PictureFeatures, Piece
from core.policies.local.places import Place
from core.policies.local.turns import Turn


@dataclass(frozen=True, slots=True)
class Planned:
    """A piece of each of `turns`. Behind the pieces of those that are `heard`, at `heard_rows`, a token is to be chosen."""

    turns: list[Turn]
    pieces: list[Piece]
    heard: list[Turn]
    heard_rows: list[int]

    def ids(self, device: torch.device) -> torch.Tensor:
        """The tokens, [tokens]."""
        if self._all_written:
            return torch.tensor([turn.ids[-1] for turn in self.turns], device=device)
        parts = [_tokens(turn, piece) for turn, piece in zip(self.turns, self.pieces, strict=True)]
        return torch.from_numpy(np.concatenate(parts)).to(device)

    def positions(self, device: torch.device) -> torch.Tensor:
        """Their positions: [tokens] where nothing but text is written, [3, tokens] elsewhere."""
        if self._all_written:
            return torch.tensor([turn.layout.after + len(turn.ids) - 1 for turn in self.turns], device=device)
        parts = [_positions(turn, piece) for turn, piece in zip(self.turns, self.pieces, strict=True)]
        return torch.from_numpy(np.concatenate(parts, axis=1)).to(device)

    def unseen(self) -> list[tuple[Turn, list[Shown]]]:
        """Turns with pictures in their pieces whose features they do not have yet."""
        found = []
        for turn, piece in zip(self.turns, self.pieces, strict=True):
            missing = [place.shown for place in _places(turn, piece) if place.shown.key not in turn.features]
            if missing:
                found.append((turn, missing))
        return found

    def features(self) -> tuple[torch.Tensor, PictureFeatures] | None:
        """Which of the tokens show a picture, as indices, and what; None where none does."""
        indices: list[torch.Tensor] = []
        seen: list[PictureFeatures] = []
        begin = 0
        for turn, piece in zip(self.turns, self.pieces, strict=True):
            for place in _places(turn, piece):
                start, end = max(place.start, piece.start), min(place.end, piece.start + piece.count)
                features = turn.features[place.shown.key]
                indices.append(torch.arange(begin + start - piece.start, begin + end - piece.start))
                span = slice(start - place.start, end - place.start)
                seen.append(PictureFeatures(features.embeds[span], tuple(layer[span] for layer in features.deep)))
            begin += piece.count
        if not indices:
            return None
        embeds = torch.cat([one.embeds for one in seen])
        deep = tuple(torch.cat(layer) for layer in zip(*(one.deep for one in seen), strict=True))
        return torch.cat(indices).to(embeds.device), PictureFeatures(embeds, deep)

    @property
    def _all_written(self) -> bool:
        return all(piece.count == 1 and piece.start >= turn.given for turn, piece in zip(self.turns, self.pieces, strict=True))


def plan(working: Sequence[Turn], together: int) -> Planned:
    """The next pass for these turns: one token for each that is being written, and up to `together` of those that are being read."""
    planned = Planned([], [], [], [])
    for turn in working:
        count = turn.missing
        if count > 1:
            count = min(count, together)
            together -= count
        if count == 0:
            continue
        if count == turn.missing:
            planned.heard.append(turn)
            planned.heard_rows.append(len(planned.turns))
        planned.turns.append(turn)
        planned.pieces.append(Piece(turn.slot, turn.held, count))
    return planned


def _tokens(turn: Turn, piece: Piece) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if piece.start >= turn.given:
        return np.asarray(turn.ids[piece.start - turn.given :][: piece.count], dtype=np.int64)
    return turn.layout.ids[piece.start : piece.start + piece.count]


def _positions(turn: Turn, piece: Piece) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    if piece.start >= turn.given:
        first = turn.layout.after + piece.start - turn.given
        return np.broadcast_to(np.arange(first, first + piece.count), (3, piece.count))
    return turn.layout.positions[:, piece.start : piece.start + piece.count]


def _places(turn: Turn, piece: Piece) -> list[Place]:
    end = piece.start + piece.count
    return [place for place in turn.layout.places if place.start < end and place.end > piece.start]
