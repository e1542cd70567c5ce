import gzip

import numpy as np
import pytest

from components.base import UserError
from components.embedders import word_vectors

WORDS = {"king": [1.0, 2.0, 3.0], "naïve": [0.5, 0.25, -1.0], ". . .": [7.0, 8.0, 9.0]}
MATRIX = np.array(list(WORDS.values()), np.float32)


@pytest.fixture
def files(tmp_path):
    """The same three words in every format that is read."""
    lines = "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in WORDS.items())
    (tmp_path / "glove.txt").write_text(lines)
    (tmp_path / "word2vec.vec").write_text(f"3 3\n{lines}")
    (tmp_path / "word2vec.gz").write_bytes(gzip.compress(f"3 3\n{lines}".encode()))
    return tmp_path


@pytest.mark.parametrize("name", ["glove.txt", "word2vec.vec", "word2vec.gz"])
def test_text_is_read_once_then_memory_mapped(files, name):
    cache = files / "cache"
    loaded = word_vectors.load(str(files / name), str(cache))
    assert list(loaded.index) == list(WORDS)
    np.testing.assert_array_equal(loaded.vectors, MATRIX)
    assert isinstance(loaded.vectors, np.memmap)
    (made,) = cache.iterdir()
    before = [(file.name, file.stat().st_mtime_ns) for file in made.iterdir()]
    word_vectors.load(str(files / name), str(cache))
    assert [(file.name, file.stat().st_mtime_ns) for file in made.iterdir()] == before


@pytest.mark.parametrize("zipped", [False, True])
def test_binary_is_read_as_gensim_writes_it(files, zipped):
    from gensim.models import KeyedVectors

    theirs = KeyedVectors(3)
    theirs.add_vectors(["king", "naïve"], MATRIX[:2])
    theirs.save_word2vec_format(str(files / "vectors.bin"), binary=True)
    if zipped:
        (files / "vectors.bin").write_bytes(gzip.compress((files / "vectors.bin").read_bytes()))
    ours = word_vectors.load(str(files / "vectors.bin"), str(files / "cache"))
    assert list(ours.index) == ["king", "naïve"]
    np.testing.assert_array_equal(ours.vectors, MATRIX[:2])


def test_nothing_half_written_is_left_behind(files):
    broken = files / "broken.txt"
    broken.write_text("king 1 2 3\nqueen 1 2\n")
    with pytest.raises(UserError, match=r"broken\.txt: the file is damaged: row 2"):
        word_vectors.load(str(broken), str(files / "cache"))
    assert not (files / "cache").exists() or not list((files / "cache").iterdir())


def test_a_binary_file_that_was_cut_off(tmp_path):
    row = MATRIX[0].tobytes()
    (tmp_path / "cut.bin").write_bytes(b"2 3\nking " + row + b"queen " + row[:-5])
    with pytest.raises(UserError, match="the file is damaged: unexpected end of input"):
        word_vectors.load(str(tmp_path / "cut.bin"), str(tmp_path / "cache"))


@pytest.mark.parametrize("content", [b"", b"plain prose, not vectors\n", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_file_of_word_vectors(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UserError, match="is not a file of word vectors"):
        word_vectors.sniff(str(tmp_path / "file"))


def test_a_folder_without_vectors(tmp_path):
    with pytest.raises(UserError, match=r"one \.npy matrix and one \.parquet"):
        word_vectors.load(str(tmp_path))


def test_the_cache_folder_follows_xdg(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tmp_path in word_vectors.cache_folder(None).parents
    assert word_vectors.cache_folder("/elsewhere").as_posix() == "/elsewhere"


RUSSIAN = ["Рынок акций резко упал в понедельник, и инвесторы продали свои бумаги."] * 30
ENGLISH = ["The stock market fell sharply on Monday, and investors sold their shares."] * 30


@pytest.mark.parametrize("option", ["gensim_glove", "flair_glove", "spacy_md"])
def test_a_language_that_a_model_does_not_know(build, request, option, caplog):
    model = {}
    if option == "spacy_md":
        model = {"model": str(request.getfixturevalue("spacy_md_folder"))}
    build(option, **model).encode(ENGLISH)
    assert "unknown" not in caplog.text
    embedder = build(option, **model)
    embedder.encode(RUSSIAN)
    embedder.encode(RUSSIAN)
    assert caplog.text.count("of the documents are unknown to") == 1


@pytest.mark.parametrize(
    "content", [b"".join(b"w%d 0\n" % i for i in range(4000)), b"9999999999 300\nking \0\0"]
)
def test_what_unpacks_to_more_than_the_free_memory(content, tmp_path, monkeypatch):
    for module in ("components.memory", "components.embedders.word_vectors"):
        monkeypatch.setattr(f"{module}.available_memory", lambda: 500_000)
    (tmp_path / "v.gz").write_bytes(gzip.compress(content))
    with pytest.raises(
        UserError, match=r"v\.gz: takes .* of memory or more.* Choose word vectors of fewer words"
    ):
        word_vectors.load(str(tmp_path / "v.gz"), str(tmp_path / "cache"))


def test_a_text_larger_than_the_free_memory_is_read_where_its_vectors_fit(tmp_path, monkeypatch):
    for module in ("components.memory", "components.embedders.word_vectors"):
        monkeypatch.setattr(f"{module}.available_memory", lambda: 300_000)
    rows = [f"w{i} 0.{'0' * 400}1" for i in range(1000)]
    (tmp_path / "v.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    found = word_vectors.load(str(tmp_path / "v.gz"), str(tmp_path / "cache"))
    assert found.vectors.shape == (1000, 1)


def test_a_text_without_line_breaks_is_not_read_as_one_line(tmp_path):
    (tmp_path / "v.gz").write_bytes(gzip.compress(b"king 1 2\n" + b"a" * 5_000_000))
    with pytest.raises(UserError, match=r"damaged: row 2 has more than 1,048,576 characters"):
        word_vectors.load(str(tmp_path / "v.gz"), str(tmp_path / "cache"))
