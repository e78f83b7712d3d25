"""No text runs in a spreadsheet, every text can be had back, and numbers stay numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.csv_cells import plain_cell, safe_cell


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "\u00a0=1",
        "\n=1",
        "\n\n +1",
        "\u3000@x",
        "\ufeff=1",
        "\u200b-1",
        "\uff1d1",
        "'=1",
        "''=1",
        "\n",
        "\u2066=1",
        "\u00ad=1",
        " \uff0b1",
        "\ufe66 1",
    ],
)
def test_formulas_are_escaped_and_can_be_read_back(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert plain_cell(safe_cell(text)) == text


@pytest.mark.parametrize(
    ("value", "cell"),
    [(None, ""), (True, "true"), (-1.5, "-1.5"), (3, "3"), ("(1, 2)", "(1, 2)"), ("it's", "it's"), ("'quoted'", "'quoted'")],
)
def test_other_values_stay_as_they_are(value: object, cell: str) -> None:
    assert safe_cell(value) == cell


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\0")))
def test_every_text_survives_a_table(text: str) -> None:
    assert plain_cell(safe_cell(text)) == text
    assert not safe_cell(text).lstrip().startswith(("=", "+", "-", "@"))
