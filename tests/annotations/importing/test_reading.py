"""Files are read row by row, whatever they are packed or written in, and one bad row costs no other."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.importing import reading
from annotations.importing.arrays import array_elements, object_elements
from annotations.importing.reading import Row, RowFile

DOCUMENTS = [{"number": n, "text": 'a "quoted" ],[{\\' * n, "nested": [{"b": [1, 2]}, "é \U0001f600"]} for n in range(40)]
LINES = "\n".join(json.dumps(document) for document in DOCUMENTS)
ARRAY = json.dumps(DOCUMENTS)
PRETTY = json.dumps(DOCUMENTS, indent=2, ensure_ascii=False)
OBJECTS = "\n".join(json.dumps(document, indent=2) for document in DOCUMENTS)


def rows_of(folder: Path, data: bytes, name: str = "file") -> list[Row]:
    path = folder / name
    path.write_bytes(data)
    with RowFile(path) as file:
        rows = list(file)
        assert 0 <= file.position <= file.size
    return rows


@pytest.mark.parametrize(
    "text", [LINES, ARRAY, PRETTY, OBJECTS, LINES.replace("\n", "\r\n\r\n")], ids=["lines", "array", "pretty", "objects", "crlf"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_layout_encoding_and_packing_gives_the_same_rows(tmp_path: Path, text: str, encoding: str, packed: bool) -> None:
    data = text.encode(encoding)
    assert [row.document for row in rows_of(tmp_path, gzip.compress(data) if packed else data)] == DOCUMENTS


def test_gzip_is_known_by_its_bytes_and_may_have_several_members(tmp_path: Path) -> None:
    half = len(LINES) // 2
    data = gzip.compress(LINES[:half].encode()) + gzip.compress(LINES[half:].encode())
    assert [row.document for row in rows_of(tmp_path, data, "plain.jsonl")] == DOCUMENTS


def test_a_gzip_file_that_breaks_off_gives_what_lies_before(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, gzip.compress(LINES.encode())[:-40])
    assert len(rows) > 1
    assert [row.document for row in rows[:-1]] == DOCUMENTS[: len(rows) - 1]
    assert "damaged or was cut short" in rows[-1].reason


@pytest.mark.parametrize(
    ("line", "document", "repair"),
    [
        ('{"a": NaN, "b": -Infinity}', {"a": None, "b": None}, "NaN is no number"),
        ('{"a": 1e999}', {"a": None}, "1e999 is no number"),
        ('{"a": ' + "9" * 5000 + "}", {"a": None}, "999999999999... is no number"),
        ('{"a": 1, "a": 2}', {"a": 2}, "'a' stands twice"),
        ('{"a": "x\\ud800y"}', {"a": "x\ufffdy"}, "cannot be stored"),
        ('{"a": "x\\u0000y"}', {"a": "x\ufffdy"}, "cannot be stored"),
        ('{"a": "x\0y"}', {"a": "x\ufffdy"}, "raw control characters"),
        ('{"a": "x\ty"}', {"a": "x\ty"}, "raw control characters"),
    ],
)
def test_what_is_mended_is_said(tmp_path: Path, line: str, document: Any, repair: str) -> None:
    good = '{"good": true}'
    rows = rows_of(tmp_path, f"{line}\n{good}\n".encode())
    assert rows[0].document == document
    assert repair in rows[0].repairs[0]
    assert rows[1] == Row(2, {"good": True})


def test_bytes_that_are_not_utf8_are_replaced(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, b'{"a": "caf\xe9"}\n')
    assert rows[0].document == {"a": "caf\ufffd"}
    assert "not UTF-8" in rows[0].repairs[0]


def test_a_huge_whole_number_that_fits_a_float_is_kept(tmp_path: Path) -> None:
    assert rows_of(tmp_path, b'{"a": 123456789012345678901234567890}')[0].document == {"a": 123456789012345678901234567890}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\t ", "nothing but white space"),
        (b"[]", "array is empty"),
        (b"\x89PNG\r\n\x1a\n", "not a file of traces"),
        (b"PK\x03\x04", "not a file of traces"),
        (bytes(range(1, 32)) * 40, "binary data"),
        (b"PAR1 and no more", "parquet file cannot be read"),
        (gzip.compress(b"PAR1", mtime=0), "unpack it first"),
    ],
)
def test_a_file_that_holds_no_rows_gets_one_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    rows = rows_of(tmp_path, data)
    assert len(rows) == 1
    assert reason.lower() in rows[0].reason.lower()


def test_a_broken_line_costs_no_other(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, b'{"a": 1}\n{"b": \nnot json\n\n{"c": 3}\n{"d": "cut sho')
    assert [(row.line, row.document) for row in rows] == [(1, {"a": 1}), (2, None), (3, None), (5, {"c": 3}), (6, None)]
    assert "a line break may stand inside it" in rows[1].reason
    assert "cut short" in rows[4].reason


def test_a_broken_element_costs_no_other(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, b'[{"a": 1}, {"b": tru}, , {"c": ]}, {"d": 4}]')
    assert [row.document for row in rows] == [{"a": 1}, None, None, None, {"d": 4}]
    assert "character 7" in rows[1].reason
    assert "between two commas" in rows[2].reason
    assert "character 7" in rows[3].reason


def test_the_end_of_an_array_is_watched(tmp_path: Path) -> None:
    assert "not closed" in rows_of(tmp_path, b'[{"a": 1}')[-1].reason
    assert "breaks off inside" in rows_of(tmp_path, b'[{"a": 1}, {"b": "')[-1].reason
    assert "behind the end" in rows_of(tmp_path, b'[{"a": 1}]\n[{"b": 2}]')[-1].reason


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, b'{"a": ' * 100_000 + b'\n{"good": true}')
    assert "nested too deeply" in rows[0].reason
    assert rows[1].document == {"good": True}
    deep = b'{"a": ' * 300 + b'"\\u0000"' + b"}" * 300
    assert "nested more than" in rows_of(tmp_path, deep)[0].reason


def test_a_line_over_the_limit_is_refused_and_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ROW_BYTES", 1000)
    long = json.dumps({"text": "x" * 5000})
    for data in (f'{{"a": 1}}\n{long}\n{{"b": 2}}\n', f'[{{"a": 1}}, {long}, {{"b": 2}}]'):
        rows = rows_of(tmp_path, data.encode())
        assert [row.document for row in rows] == [{"a": 1}, None, {"b": 2}]
        assert "MiB long" in rows[1].reason


@given(
    st.lists(
        st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers() | st.lists(st.text(max_size=5), max_size=3)), min_size=1
    ),
    st.integers(1, 40),
)
def test_elements_are_found_whatever_the_pieces_are(documents: list[Any], chunk: int) -> None:
    data = json.dumps(documents, ensure_ascii=False).encode("utf-8", errors="replace")
    found = [json.loads(element.raw) for element in array_elements(io.BufferedReader(io.BytesIO(data)), 10**6, chunk)]
    assert found == json.loads(data)
    joined = b"\n".join(json.dumps(document).encode() for document in documents)
    assert [json.loads(element.raw) for element in object_elements(io.BufferedReader(io.BytesIO(joined)), 10**6, chunk)] == documents


@given(st.binary(max_size=300) | st.text(alphabet='[]{}",\\: an1\n', max_size=200).map(str.encode))
def test_no_bytes_make_the_reader_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    rows = rows_of(tmp_path_factory.getbasetemp(), data)
    assert rows
    assert all(row.document is None for row in rows if row.reason)


def test_a_page_of_prose_is_refused_once_as_a_file(tmp_path: Path) -> None:
    page = "# A project\n\n" + "\n".join(f"Line {number} of its README." for number in range(2, 40))
    (row,) = rows_of(tmp_path, page.encode(), "README.md")
    assert (row.line, row.document) == (0, None)
    assert row.reason.startswith("Not JSON lines, a JSON array or parquet: its first line is not JSON")


@pytest.mark.parametrize("broken", [1, 19])
def test_a_few_broken_lines_at_the_beginning_cost_no_other(tmp_path: Path, broken: int) -> None:
    rows = rows_of(tmp_path, ("{broken\n" * broken + "{}\n" + "{broken\n" * 30).encode())
    assert [row.line for row in rows] == list(range(1, broken + 32))
    assert [row.line for row in rows if not row.reason] == [broken + 1]
    assert len(rows_of(tmp_path, b"{broken\n" * broken)) == broken


def test_long_lines_at_the_beginning_may_be_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ROW_BYTES", 10)
    rows = rows_of(tmp_path, b'{"a": "' + b"x" * 40 + b'"}\n' + b"{broken\n" * 30 + b"{}\n")
    assert (len(rows), rows[-1].reason) == (32, "")
