"""Files of word vectors, read once, then memory-mapped.

What can be read without a pickle: a folder with one `.npy` matrix and one `.parquet` list of
words, word2vec text and binary, GloVe text, each also gzipped, and Facebook's fastText binary
(by gensim, see `gensim.py`). Text and binary files are turned into such a folder the first time.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from glob import escape, glob
from itertools import chain
from pathlib import Path
from typing import IO, Literal

import numpy as np

from components.base import Floats, UserError
from components.file_hash import sha256

Kind = Literal["folder", "text", "binary", "fasttext", "native"]

FASTTEXT_MAGIC = (793712314).to_bytes(4, "little")  # first bytes of a Facebook fastText model


@dataclass(frozen=True)
class WordVectors:
    """Words and their vectors, float32 (words, d), usually memory-mapped."""

    index: dict[str, int]
    vectors: Floats


def sniff(path: str) -> Kind:
    """What kind of file `path` is, from its first bytes.

    Raises
    ------
    UserError
        When it is no file of word vectors.
    """
    if os.path.isdir(path):
        return "folder"
    with _open(path) as stream:
        start = stream.read(1 << 16)
    if start.startswith(FASTTEXT_MAGIC):
        return "fasttext"
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":  # a pickle names its protocol
        return "native"
    first, _, rest = start.partition(b"\n")
    header = _header(first)
    if header is None:
        return "text" if _is_row(first, max(1, first.strip().count(b" "))) else _unknown(path)
    return "text" if _is_row(rest.partition(b"\n")[0], header[1]) else "binary"


def load(path: str, cache_dir: str | None = None) -> WordVectors:
    """The vectors of a folder, or of a text or binary file, memory-mapped.

    The folder that is made of a file is kept in `cache_dir`; None takes the user's cache folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        folder = cache_folder(cache_dir) / sha256(path)[:32]
        if not folder.is_dir():
            _write_folder(path, folder)
    return _load_folder(folder)


def content_hash(path: str) -> str:
    """sha256 (hex) of a file or folder of word vectors.

    gensim keeps the large arrays of a native file in files beside it: they count, too.
    """
    beside = sorted(glob(f"{escape(path)}.*.npy"))
    hashes = [sha256(part) for part in (path, *beside)]
    return hashes[0] if not beside else hashlib.sha256("".join(hashes).encode()).hexdigest()


def pickle_refused(model: str) -> str:
    """What to say of a native gensim file that is not trusted."""
    return (
        f"embedder.model={model!r} is a native gensim file, which is a pickle: loading it can run "
        "any code. Convert it where you trust it, with "
        "`gensim.models.KeyedVectors.load(PATH).save_word2vec_format('vectors.bin', binary=True)` "
        "(of a Word2Vec, its `.wv`), and use the new file; or set embedder.trust_pickle=true."
    )


def cache_folder(cache_dir: str | None) -> Path:
    """`cache_dir`, or the user's cache folder for word vectors, where XDG_CACHE_HOME says."""
    if cache_dir:
        return Path(cache_dir).expanduser()
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home, "topic-runner", "word-vectors").expanduser()


def _load_folder(folder: Path) -> WordVectors:
    import pyarrow.parquet as pq

    matrices, tables = list(folder.glob("*.npy")), list(folder.glob("*.parquet"))
    if len(matrices) != 1 or len(tables) != 1:
        raise UserError(
            f"{folder} is no folder of word vectors: it must hold one .npy matrix and one .parquet "
            f"list of words, but holds {len(matrices)} and {len(tables)}."
        )
    vectors = np.load(matrices[0], mmap_mode="r", allow_pickle=False)
    words = pq.read_table(tables[0]).column(0).to_pylist()
    if vectors.ndim != 2 or len(words) > len(vectors):
        raise UserError(
            f"{matrices[0]} has the shape {vectors.shape}, but {tables[0].name} lists {len(words)} "
            "words: there must be one row a word."
        )
    return WordVectors({word: row for row, word in enumerate(words)}, vectors)


def _write_folder(path: str, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    words, vectors = _parse(path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch, "made")
        made.mkdir()
        np.save(made / "vectors.npy", vectors, allow_pickle=False)
        pq.write_table(pa.table({"word": words}), made / "words.parquet")
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster, with the same content
                raise


def _parse(path: str) -> tuple[list[str], Floats]:
    read = _text_rows if sniff(path) == "text" else _binary_rows
    words: dict[str, None] = {}
    numbers = bytearray()  # grows in place: the vectors are never held twice
    try:
        with _open(path) as stream:
            for word, row in read(stream):
                if word not in words:  # of a word that stands twice, the first row counts
                    words[word] = None
                    numbers += row.tobytes()
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"{path} is damaged: {error}. Download it anew.") from error
    return list(words), np.frombuffer(numbers, np.float32).reshape(len(words), -1)


def _text_rows(stream: IO[bytes]) -> Iterator[tuple[str, Floats]]:
    first = stream.readline()
    header = _header(first)
    dimensions = header[1] if header else first.strip().count(b" ")
    for number, line in enumerate(stream if header else chain([first], stream), 2 if header else 1):
        word, *values = line.rstrip().rsplit(b" ", dimensions)  # GloVe has words with spaces
        if len(values) != dimensions:
            raise ValueError(f"line {number} does not hold a word and {dimensions} numbers")
        yield word.decode("utf-8", "replace"), np.array(values).astype(np.float32)


def _binary_rows(stream: IO[bytes]) -> Iterator[tuple[str, Floats]]:
    count, dimensions = _header(stream.readline()) or (0, 0)
    for number in range(count):
        word = bytearray()
        while (byte := stream.read(1)) != b" ":
            if not byte:
                raise EOFError(f"it ends after {number} of {count} words")
            word += byte
        row = stream.read(4 * dimensions)
        if len(row) != 4 * dimensions:
            raise EOFError(f"it ends after {number} of {count} words")
        yield word.lstrip(b"\n").decode("utf-8", "replace"), np.frombuffer(row, dtype="<f4")


def _open(path: str) -> IO[bytes]:
    with open(path, "rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if zipped else open(path, "rb")  # type: ignore[return-value]


def _header(line: bytes) -> tuple[int, int] | None:
    """The number of words and dimensions, where a file's first line gives them."""
    parts = line.split()
    if len(parts) == 2 and all(part.isdigit() for part in parts):
        return int(parts[0]), int(parts[1])
    return None


def _is_row(line: bytes, dimensions: int) -> bool:
    values = line.rstrip().rsplit(b" ", dimensions)[1:]
    try:
        return len([float(value) for value in values]) == dimensions
    except ValueError:
        return False


def _unknown(path: str) -> Kind:
    raise UserError(
        f"embedder.model: {path} is no file of word vectors that is known here. It can be word2vec "
        "text or binary, GloVe text, a fastText .bin, a native gensim file, or a folder with one "
        ".npy and one .parquet file."
    )
