"""dataset=text."""

import gzip

import pytest

from components.base import UserError
from components.datasets.text import TextDataset


def test_each_line_is_a_document_and_an_empty_one_too(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("first\n\nthird é\u2028still third\r\nlast".encode())
    corpus = TextDataset(path=str(path)).load()
    assert corpus.documents == ["first", "", "third é\u2028still third", "last"]
    assert corpus.blank.tolist() == [False, True, False, False]
    assert corpus.labels is None


def test_a_byte_order_mark_is_no_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbffirst\nsecond\n")
    assert TextDataset(path=str(path)).load().documents == ["first", "second"]


def test_gz_is_read_directly(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"first\nsecond\n"))
    assert TextDataset(path=str(path)).load().documents == ["first", "second"]


def test_other_encodings(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("café\nnoël\n".encode("cp1252"))
    with pytest.raises(UserError, match=r"at byte 3 \(0xe9\), line 1\. .*cp1252"):
        TextDataset(path=str(path)).load()
    assert TextDataset(path=str(path), encoding="cp1252").load().documents == ["café", "noël"]
    path.write_bytes("café\nnoël\n".encode("utf-16"))
    assert TextDataset(path=str(path), encoding="utf-16").load().documents == ["café", "noël"]


def test_a_folder_is_a_document_a_file(tmp_path):
    for name, text in {
        "b/2.txt": "two\nlines",
        "a/1.txt": "one",
        "a/3.txt": "",
        "n.md": "x",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    corpus = TextDataset(path=str(tmp_path), label="folder").load()
    assert corpus.documents == ["one", "", "two\nlines"]
    assert corpus.labels == ["a", "a", "b"]
    assert corpus.columns == {"file": ["a/1.txt", "a/3.txt", "b/2.txt"]}


def test_folder_labels_need_subfolders(tmp_path):
    (tmp_path / "1.txt").write_text("one")
    with pytest.raises(UserError, match=r"1\.txt lies in no subfolder"):
        TextDataset(path=str(tmp_path), label="folder").load()
    with pytest.raises(UserError, match=r"is a file"):
        TextDataset(path=str(tmp_path / "1.txt"), label="folder")
    with pytest.raises(UserError, match=r"label=topic: must be folder or null"):
        TextDataset(path=str(tmp_path), label="topic")


def test_nothing_to_read_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UserError, match=r"a\.txt holds no documents"):
        TextDataset(path=str(tmp_path / "a.txt")).load()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no file that ends in \.txt"):
        TextDataset(path=str(tmp_path / "empty")).load()
    with pytest.raises(UserError, match=r"does not exist"):
        TextDataset(path=str(tmp_path / "b.txt"))


def test_limit_takes_a_seeded_sample_in_order(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{i:03}\n" for i in range(100)))
    one = TextDataset(path=str(path), limit=10, seed=1).load()
    again = TextDataset(path=str(path), limit=10, seed=1).load()
    other = TextDataset(path=str(path), limit=10, seed=2).load()
    assert len(one) == 10
    assert one.documents == again.documents == sorted(one.documents)
    assert one.documents != other.documents
    assert [f"{row:03}" for row in one.rows] == one.documents
    assert one.n_rows == 100
    assert len(TextDataset(path=str(path), limit=1000).load()) == 100


def test_a_table_read_as_text_is_told(tmp_path, caplog):
    (tmp_path / "a.csv").write_text("id,text\n1,a cat\n")
    assert len(TextDataset(path=str(tmp_path / "a.csv")).load()) == 2
    assert "choose the data set csv" in caplog.text
