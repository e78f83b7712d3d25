"""The split by picture."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.curation.splitting import SplitPlan, parse_shares, picture_keys
from core.errors import RuleError
from core.records import Split

names = st.sampled_from("abcdefgh")
traces = st.dictionaries(st.integers(0, 12).map(str), st.lists(names, max_size=3, unique=True).map(tuple), max_size=10)


def test_a_picture_draws_the_same_split_everywhere() -> None:
    # Written down: another hash would move the pictures of every file that was made before.
    assert [SplitPlan((0.5, 0.25, 0.25)).of(key * 64).value for key in "abcdef"] == ["test", "train", "test", "train", "test", "validation"]
    assert {SplitPlan(seed=seed, shares=(0.5, 0.25, 0.25)).of("a" * 64) for seed in range(40)} == set(Split)


def test_shares_are_met_by_many_pictures() -> None:
    counts = Counter(SplitPlan((0.7, 0.2, 0.1), seed=3).of(f"picture {number}") for number in range(4000))
    assert counts[Split.TRAIN] == pytest.approx(2800, abs=120)
    assert counts[Split.VALIDATION] == pytest.approx(800, abs=120)
    assert counts[Split.TEST] == pytest.approx(400, abs=120)


@given(st.text())
def test_a_share_of_nothing_gets_nothing(key: str) -> None:
    assert SplitPlan((1, 0, 0)).of(key) is Split.TRAIN
    assert SplitPlan((0, 0, 1)).of(key) is Split.TEST
    assert SplitPlan((0.5, 0, 0.5)).of(key) is not Split.VALIDATION


@given(st.text(), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_larger_share_of_training_takes_nothing_from_it(key: str, low: float, more: float) -> None:
    low, high = round(low, 4), round(round(low, 4) + round(more, 4), 4)
    small, large = SplitPlan((low, round(1 - low, 4), 0)), SplitPlan((high, round(1 - high, 4), 0))
    if small.of(key) is Split.TRAIN:
        assert large.of(key) is Split.TRAIN


@given(traces)
def test_traces_that_share_a_picture_share_a_key(pictures: dict[str, tuple[str, ...]]) -> None:
    keys = picture_keys(pictures.items())
    assert set(keys) == set(pictures)
    for one, mine in pictures.items():
        for other, theirs in pictures.items():
            if set(mine) & set(theirs):
                assert keys[one] == keys[other]
        if not mine:
            assert keys[one] == one


@given(traces, traces)
def test_an_unrelated_trace_moves_nothing(pictures: dict[str, tuple[str, ...]], others: dict[str, tuple[str, ...]]) -> None:
    more = {f"other {name}": tuple(f"other {picture}" for picture in shown) for name, shown in others.items()}
    assert {name: key for name, key in picture_keys((pictures | more).items()).items() if name in pictures} == picture_keys(
        pictures.items()
    )


@given(traces, st.randoms())
def test_keys_do_not_depend_on_the_order(pictures: dict[str, tuple[str, ...]], random: object) -> None:
    shuffled = list(pictures.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert picture_keys(shuffled) == picture_keys(pictures.items())


@pytest.mark.parametrize("text", ["0.9,0.1", "", "a,b,c", "0.9,0.05,0.05,0", "0.9;0.05;0.05", "-0.1,1,0.1", "1e0,0,0", "nan,0,1"])
def test_shares_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(RuleError, match=r"three shares, train, validation and test, such as 0\.9,0\.05,0\.05"):
        parse_shares(text)


@pytest.mark.parametrize("shares", [(0.9, 0.1, 0.1), (0.5, 0.5, 0.5), (-0.5, 1, 0.5), (float("nan"), 0.5, 0.5), (90, 5, 5)])
def test_shares_that_do_not_make_one_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(RuleError, match="that make 1 together"):
        SplitPlan(shares)


def test_shares_are_read_as_they_are_written() -> None:
    assert SplitPlan(parse_shares(" 0.1, 0.2 ,0.7 ")).shares == (0.1, 0.2, 0.7)
    with pytest.raises(RuleError, match="seed of a split is a whole number of 0 or more, not -1"):
        SplitPlan(seed=-1)
