"""Finding files, and text that is not what it was said to be."""

import gzip

import pytest

from components.base import UserError
from components.datasets.files import check_encoding, files_below, locate, open_text


def read(path, encoding="utf-8"):
    with open_text(path, encoding) as stream:
        return stream.read()


def test_a_missing_file_is_named_in_full_with_the_nearest_one(tmp_path, monkeypatch):
    (tmp_path / "reviews.csv").write_text("text\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        locate("review.csv", "file")
    assert f"{tmp_path / 'review.csv'} does not exist" in str(error.value)
    assert f"Did you mean {tmp_path / 'reviews.csv'}?" in str(error.value)


def test_a_missing_folder_on_the_way_is_no_traceback(tmp_path):
    with pytest.raises(UserError, match=r"does not exist"):
        locate(str(tmp_path / "nowhere" / "a.csv"), "file")


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.txt").write_text("x")
    assert locate("~/a.txt", "file") == tmp_path / "a.txt"


@pytest.mark.parametrize(("kind", "name"), [("file", ""), ("folder", "a.txt")])
def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path, kind, name):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UserError, match=f"needs a {kind}"):
        locate(str(tmp_path / name), kind)


def test_what_to_name_instead_of_a_folder_or_a_file(tmp_path):
    def message(path, kind):
        with pytest.raises(UserError) as caught:
            locate(str(path), kind)
        return str(caught.value)

    assert message(tmp_path, "file").endswith("needs a file.")
    (tmp_path / "z.csv").write_text("x")
    assert message(tmp_path, "file").endswith(f"Name the file in it: {tmp_path / 'z.csv'}")
    (tmp_path / "README.md").write_text("x")
    assert message(tmp_path, "file").endswith(f"a file in it, such as {tmp_path / 'z.csv'}")
    assert message(tmp_path / "z.csv", "folder").endswith(f"that it lies in: {tmp_path}")


@pytest.mark.parametrize(
    "address",
    ["https://a.example/b.csv", "s3://bucket/b.csv", "hf://datasets/b.csv", "file:/tmp/b.csv"],
)
def test_an_address_is_no_path(address):
    with pytest.raises(UserError, match=r"is an address.* copy it"):
        locate(address, "file")


def test_a_pattern_is_told_from_a_name(tmp_path):
    for name in ("a.csv", "b.csv", "c [x].csv"):
        (tmp_path / name).write_text("x")
    with pytest.raises(UserError, match=r"is a pattern, of 3 files"):
        locate(str(tmp_path / "*.csv"), "file")
    with pytest.raises(UserError, match=r"name the folder that they lie in"):
        locate(str(tmp_path / "*.csv"), "either")
    assert locate(str(tmp_path / "c [x].csv"), "file").name == "c [x].csv"
    with pytest.raises(UserError, match=r"does not exist"):
        locate(str(tmp_path / "d [x].csv"), "file")


def test_files_below_are_sorted_and_hidden_ones_left_out(tmp_path):
    for name in ["b.txt", "a/z.TXT", ".hidden.txt", ".git/x.txt", "c.md"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert files_below(tmp_path, (".txt",)) == [tmp_path / "a" / "z.TXT", tmp_path / "b.txt"]
    with pytest.raises(UserError, match=r"holds no file that ends in \.csv"):
        files_below(tmp_path, (".csv",))


@pytest.mark.parametrize("encoding", ["utf8", "cp1252", "utf-16", "UTF-8-SIG"])
def test_known_encodings_pass(encoding):
    check_encoding(encoding)


@pytest.mark.parametrize("encoding", ["uft-8", "hex", "", "utf\0"])
def test_an_unknown_encoding_is_an_error(encoding):
    with pytest.raises(UserError, match=r"encoding=.* no such text encoding"):
        check_encoding(encoding)


@pytest.mark.parametrize("packed", [False, True])
def test_bytes_that_are_not_utf8_are_found(tmp_path, packed):
    path = tmp_path / "a.txt"
    start = "fünf\n" * 700_000  # beyond the first block that is searched
    data = start.encode() + b"no caf" + b"\xe9 here\n"
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    with pytest.raises(UserError) as error:
        read(path)
    byte = len(start.encode()) + 6
    assert f"{path} is not utf-8 text at byte {byte} (0xe9), line 700001." in str(error.value)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("no café here\n" * 9, "cp1252"),
        ("Straße\nfünf\nÄrger\n", "cp1252"),
        ("你好\n世界\n中文文本\n今天天气很好\n" * 9, "gb18030"),
        ("こんにちは\n東京\n" * 9, "shift_jis"),
        ("Привет\nмир\n" * 9, "cp1251"),
    ],
)
def test_a_file_of_one_other_encoding(text, encoding, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(UserError, match="Set its encoding: cp1252"):
        read(path)
    assert read(path, encoding) == text


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_of_several_encodings_is_not_read_in_one_of_them(tmp_path, packed):
    """In cp1252, which the advice would be else, each "ü" of the lines in UTF-8 is "Ã¼"."""
    path = tmp_path / "a.txt"
    data = "plain\nfünf\n".encode() * 9 + "größer\n".encode("cp1252") * 20
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(UserError, match="20 are not UTF-8 and 9 are, which another") as error:
        read(path)
    assert "Set its encoding" not in str(error.value)


def test_a_byte_order_mark_does_not_shift_the_place(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfab\n\xff")
    with pytest.raises(UserError, match=r"at byte 6 \(0xff\), line 2\."):
        read(path)


def test_text_cut_within_a_character_is_found(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("x\né".encode()[:-1])
    with pytest.raises(UserError, match=r"at byte 2 \(0xc3\), line 2\."):
        read(path)


def test_a_wrong_encoding_other_than_utf8_names_the_byte_too(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"ab\n\x81")
    with pytest.raises(UserError, match=r"not cp1252 text at byte 3 \(0x81\), line 2\."):
        read(path, "cp1252")
    path.write_bytes("你好\n".encode("gb18030") + b"\xff\xff")
    with pytest.raises(UserError, match=r"is not gb18030 text at byte 5 \(0xff\), line 2\."):
        read(path, "gb18030")
    with pytest.raises(UserError, match=r"is not utf-16 text"):
        read(path, "utf-16")


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (b"PAR1\x15\x04\xff", r"is not text\. It is a Parquet file: type dataset=parquet"),
        (b"PK\x03\x04\xff\xff", "zip archive, or an Excel workbook"),
        (b"\x28\xb5\x2f\xfd\xff", "zstd"),
        (b"ARROW1\0\0\xff\xff", "Arrow"),
    ],
)
def test_other_formats_are_recognised(tmp_path, data, advice):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(UserError, match=advice):
        read(path)


def test_a_damaged_archive_is_an_error(tmp_path):
    path = tmp_path / "a.txt.gz"
    packed = gzip.compress(b"some text that goes on\n" * 1000)
    path.write_bytes(packed[:-20])
    with pytest.raises(UserError, match=r"damaged"):
        read(path)
    path.write_bytes(packed[:40] + bytes(20) + packed[60:])
    with pytest.raises(UserError, match=r"damaged"):
        read(path)


def test_gz_is_told_by_its_bytes_not_its_name(tmp_path):
    (tmp_path / "a.gz").write_text("plain")
    (tmp_path / "b.txt").write_bytes(gzip.compress(b"packed"))
    assert read(tmp_path / "a.gz") == "plain"
    assert read(tmp_path / "b.txt") == "packed"
