"""The accounts file: what it may say, what is said about one that cannot be, and how the table follows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotations.raters.accounts_file import FileAccount, read_accounts, readable_by_others
from annotations.raters.names import clean_name
from annotations.raters.store import RaterStore
from annotations.raters.values import Role
from annotations.store import Store
from core.errors import AccountError, SignInRefused
from tests.annotations.raters.conftest import quick_hasher

HOME = "127.0.0.1"
FIRST, SECOND = "first password", "second password"
HASHES = {text: quick_hasher().hash(text) for text in (FIRST, SECOND)}


def account(name: str, role: Role = Role.RATER, password: str = FIRST) -> FileAccount:
    return FileAccount(name, role, HASHES[password])


ROOT = account("root", Role.ADMIN)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "raters.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# -- reading --


def test_a_file_with_everything_that_may_be_in_it(tmp_path: Path) -> None:
    text = (
        f"\ufeff# raters\r\n\r\nroot:admin:{HASHES[FIRST]}\r\n   # indented\n  Zoë : lead : {HASHES[SECOND]}  \na:b:rater:{HASHES[FIRST]}"
    )
    expected = (ROOT, account("Zoë", Role.LEAD, SECOND), account("a:b"))
    assert read_accounts(written(tmp_path, text)) == expected


@given(name=st.text(max_size=120), role=st.sampled_from(list(Role)))
def test_a_line_is_read_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, name: str, role: Role) -> None:
    try:
        one = account(clean_name(name), role)
    except AccountError:
        return
    if one.name.startswith("#"):
        return
    assert read_accounts(written(tmp_path_factory.mktemp("file"), one.line())) == (one,)


def test_every_bad_line_is_named_and_none_is_repeated(tmp_path: Path) -> None:
    lines = [
        ROOT.line(),
        "ben:rater:hunter2-secret",
        "just words secret",
        f"cleo:boss:{HASHES[FIRST]}",
        "dan:rater:$2b$12$abcdefghijklmnopqrstuv-secret",
        f"ed\u202e:rater:{HASHES[FIRST]}",
        f"root:lead:{HASHES[SECOND]}",
        f"fay:rater:{HASHES[FIRST][:40]}",
        "gus:rater:",
    ]
    with pytest.raises(AccountError) as refused:
        read_accounts(written(tmp_path, "\n".join(lines)))
    sentence = str(refused.value)
    for said in (
        "line 2 has a password, or nothing, where its hash belongs",
        "line 3 is not NAME:ROLE:HASH",
        "line 4 has a role that is none of rater, lead, admin",
        "line 5 has a hash that is not argon2id's",
        "line 6 has a name that cannot be",
        "line 7 has the name of line 1",
        "line 8 has a hash that is not argon2id's, or not whole",
        "line 9 has a password, or nothing",
        "`python3 launch.py raters hash NAME --role ROLE`",
    ):
        assert said in sentence
    assert "line 1 " not in sentence
    assert "secret" not in sentence and "argon2id$" not in sentence and "boss" not in sentence


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "names nobody"), ("# nobody yet\n\n", "names nobody"), (b"root:admin:\n\xff\xfe", r"is not UTF-8 \(line 2\)"), (b"x" * (5 << 20), "larger than 4 MiB")],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(AccountError, match=said):
        read_accounts(written(tmp_path, content))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AccountError, match=r"cannot be read \(No such file or directory\): name another with --auth"):
        read_accounts(tmp_path / "none.txt")
    with pytest.raises(AccountError, match="cannot be read"):
        read_accounts(tmp_path)


@pytest.mark.parametrize(("mode", "open_to_others"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o602, True)])
def test_who_else_may_read_it(tmp_path: Path, mode: int, open_to_others: bool) -> None:
    path = written(tmp_path, ROOT.line())
    path.chmod(mode)
    assert readable_by_others(path) is open_to_others


# -- following --


def events(raters: RaterStore, kind: str) -> list[str]:
    return [event["name"] for event in Store(raters.database).events(kind)]


def test_accounts_are_added_changed_closed_and_opened_again(raters: RaterStore) -> None:
    assert raters.follow_file([ROOT, account("ben")]).added == ("root", "ben")
    assert raters.guarded() and all(one.from_file for one in raters.list())
    ben, secret = raters.sign_in("ben", FIRST, HOME)
    assert raters.follow_file([ROOT, account("ben")]) == raters.follow_file([account("ben"), ROOT]), "nothing to do"
    assert raters.session(secret) == ben

    changes = raters.follow_file([ROOT, account("ben", Role.LEAD, SECOND)])
    assert (changes.changed, changes.added, changes.closed) == (("ben",), (), ())
    assert raters.session(secret) is None
    _, secret = raters.sign_in("ben", SECOND, HOME)

    assert raters.follow_file([ROOT]).closed == ("ben",)
    assert raters.session(secret) is None
    with pytest.raises(SignInRefused):
        raters.sign_in("ben", SECOND, HOME)
    assert raters.follow_file([ROOT]).closed == ()

    assert raters.follow_file([ROOT, account("ben")]).reopened == ("ben",)
    raters.sign_in("ben", FIRST, HOME)
    assert events(raters, "rater_added") == ["root", "ben"]
    assert (events(raters, "rater_closed"), events(raters, "rater_reopened")) == (["ben"], ["ben"])
