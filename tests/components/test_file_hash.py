from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from components import file_hash
from components.file_hash import LARGE, remembering, sha256


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content is read."""
    seen: list[str] = []
    digest = hashlib.file_digest
    monkeypatch.setattr(
        file_hash.hashlib, "file_digest", lambda f, n: seen.append(f.name) or digest(f, n)
    )
    monkeypatch.setattr(file_hash, "_known", {})
    return seen


def aged(path: Path, content: bytes) -> Path:
    """A file that was last written long ago, as far as `os.utime` can tell."""
    path.write_bytes(content)
    os.utime(path, (1_000_000, 1_000_000))
    return path


def test_a_large_file_is_read_once_also_by_other_processes(
    tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_hash, "_TICK", 0)
    large = aged(tmp_path / "large", b"x" * LARGE)
    expected = hashlib.sha256(b"x" * LARGE).hexdigest()
    with remembering(tmp_path / "notes"):
        assert [sha256(large), sha256(large)] == [expected, expected]
        assert len(reads) == 1
        file_hash._known.clear()  # as in another process
        assert sha256(large) == expected
        assert len(reads) == 1
    file_hash._known.clear()
    assert sha256(large) == expected
    assert len(reads) == 2


def test_an_edit_of_the_same_size_and_time_is_noticed(
    tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_hash, "_TICK", 0)
    with remembering(tmp_path / "notes"):
        before = sha256(aged(tmp_path / "large", b"x" * LARGE))
        time.sleep(0.02)
        assert sha256(aged(tmp_path / "large", b"y" * LARGE)) != before


def test_what_was_written_just_now_is_not_remembered(tmp_path: Path, reads: list[str]) -> None:
    path = tmp_path / "new"
    path.write_bytes(b"a")
    first = sha256(path)
    path.write_bytes(b"b")
    assert sha256(path) != first


@pytest.mark.parametrize("content", ["", "[]", '{"path": 1}', '{"path": "P", "sha256": "x"}'])
def test_a_damaged_note_is_not_believed(
    content: str, tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_hash, "_TICK", 0)
    large = aged(tmp_path / "large", b"x" * LARGE)
    with remembering(tmp_path / "notes"):
        expected = sha256(large)
        (note,) = (tmp_path / "notes").iterdir()
        assert json.loads(note.read_text())["sha256"] == expected
        note.write_text(content.replace("P", str(large)))
        file_hash._known.clear()
        assert sha256(large) == expected


def test_a_folder_is_known_by_the_names_and_contents_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "w").write_text("1")
    before = sha256(folder)
    (folder / ".hidden").write_text("x")
    assert sha256(folder) == before
    (folder / "a" / "w").write_text("2")
    edited = sha256(folder)
    (folder / "a" / "w").rename(folder / "a" / "v")
    assert len({before, edited, sha256(folder)}) == 3
