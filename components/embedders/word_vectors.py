"""Files of word vectors, read once, then memory-mapped.

What can be read without a pickle: a folder with one `.npy` matrix and one `.parquet` list of
words, word2vec text and binary, GloVe text, each also gzipped, and Facebook's fastText binary
(by gensim, see `gensim.py`). Text and binary files are turned into such a folder the first time.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import tempfile
from dataclasses import dataclass
from functools import partial
from glob import escape, glob
from itertools import chain
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from components.base import Floats, ParameterError
from components.embedders import weights
from components.file_hash import sha256
from components.memory import available_memory, check_fits

Kind = Literal["folder", "text", "binary", "fasttext", "native"]

log = logging.getLogger(__name__)

ENOUGH = 200  # words
WORD = 150  # bytes of a word beside its characters and its vector
LONGEST = 2**20  # bytes of a row of text: a file without line breaks need not fit into memory
_SMALLER = "Choose word vectors of fewer words or dimensions."
FASTTEXT_MAGIC = (793712314).to_bytes(4, "little")  # first bytes of a Facebook fastText model


@dataclass(frozen=True)
class WordVectors:
    """Words and their vectors, float32 (words, d), usually memory-mapped."""

    index: dict[str, int]
    vectors: Floats


class SubwordVectors:
    """fastText's vectors: a word that is not listed is the mean of its character n-grams."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.index, self.vectors = model.key_to_index, model.vectors

    def subwords(self, word: str) -> Floats | None:
        """Vector (d,) of an unlisted word; None where it has no n-gram."""
        from gensim.models.fasttext import ft_ngram_hashes

        model = self.model
        if not model.bucket:
            return None
        grams = ft_ngram_hashes(word, model.min_n, model.max_n, model.bucket)
        return np.asarray(model.vectors_ngrams[grams].mean(axis=0)) if len(grams) else None


class UnknownWords:
    """Warns, once, when most words of the documents are unknown to a model.

    Parameters
    ----------
    model : str
        What the warning calls the model.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self._in_vocabulary = self._total = 0

    @property
    def open(self) -> bool:
        """Whether too few words were counted to decide."""
        return self._total < ENOUGH

    def count(self, in_vocabulary: int, total: int) -> None:
        """Add the words of more documents; the first `ENOUGH` decide."""
        if not self.open:
            return
        self._in_vocabulary += in_vocabulary
        self._total += total
        if not self.open and self._in_vocabulary < self._total / 2:
            log.warning(
                "%.0f %% of the words of the documents are unknown to %s. Are they in another "
                "language, or written otherwise (lowercase)? Choose a model for their language.",
                100 * (1 - self._in_vocabulary / self._total),
                self.model,
            )


def sniff(path: str) -> Kind:
    """What kind of file `path` is, from its first bytes.

    Raises
    ------
    ParameterError
        For `model`, when it is not a file of word vectors.
    """
    if os.path.isdir(path):
        return "folder"
    with _open(path) as stream:
        start = stream.read(1 << 16)
    if start.startswith(FASTTEXT_MAGIC):
        return "fasttext"
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":  # a pickle names its protocol
        return "native"
    first, _, remainder = start.partition(b"\n")
    header = _header(first)
    if header is None:
        return "text" if _is_row(first, max(1, first.strip().count(b" "))) else _unknown(path)
    return "text" if _is_row(remainder.partition(b"\n")[0], header[1]) else "binary"


def load(path: str, cache_dir: str | None = None) -> WordVectors:
    """The vectors of a folder, or of a text or binary file, memory-mapped.

    A file is converted once, into a folder in `cache_dir`; None takes the user's cache folder.
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


def pickle_refused(model: str) -> ParameterError:
    """The error for a native gensim file that is not trusted."""
    return ParameterError(
        "model",
        model,
        "is a native gensim file, which is a pickle: loading it can run any code. Convert it where "
        "you trust it, with `gensim.models.KeyedVectors.load(PATH).save_word2vec_format("
        "'vectors.bin', binary=True)` (of a Word2Vec, its `.wv`), and use the new file; or set "
        "trust_pickle=true.",
    )


def cache_folder(cache_dir: str | None) -> Path:
    """`cache_dir`, or the user's cache folder for word vectors, where XDG_CACHE_HOME says."""
    return Path(cache_dir).expanduser() if cache_dir else weights.user_cache("word-vectors")


def _load_folder(folder: Path) -> WordVectors:
    import pyarrow.parquet as pq

    matrices, tables = list(folder.glob("*.npy")), list(folder.glob("*.parquet"))
    if len(matrices) != 1 or len(tables) != 1:
        raise ParameterError(
            "model",
            folder,
            "is not a folder of word vectors: it must hold one .npy matrix and one .parquet list "
            f"of words, but holds {len(matrices)} and {len(tables)}.",
        )
    vectors = np.load(matrices[0], mmap_mode="r", allow_pickle=False)
    words = pq.read_table(tables[0]).column(0).to_pylist()
    if vectors.ndim != 2 or len(words) > len(vectors):
        raise ParameterError(
            "model",
            folder,
            f"{matrices[0].name} has the shape {vectors.shape}, but {tables[0].name} lists "
            f"{len(words)} words: there must be one row per word.",
        )
    return WordVectors({word: row for row, word in enumerate(words)}, vectors)


def _write_folder(path: str, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    words, vectors = _parse(path)
    with weights.making(folder) as draft:
        np.save(draft / "vectors.npy", vectors, allow_pickle=False)
        pq.write_table(pa.table({"word": words}), draft / "words.parquet")


def _parse(path: str) -> tuple[list[str], Floats]:
    try:
        return _read_text(path) if sniff(path) == "text" else _read_binary(path)
    except (ValueError, EOFError, OSError) as error:
        raise ParameterError(
            "model", path, f"the file is damaged: {error}. Download it again."
        ) from error


def _read_binary(path: str) -> tuple[list[str], Floats]:
    from gensim.models import KeyedVectors

    with _open(path) as stream:
        n_words, dimensions = _header(stream.readline(1 << 16)) or (0, 0)
    # gensim makes room for as many as the file says it holds.
    check_fits(n_words * (WORD + 4 * dimensions), "model", path, _SMALLER)
    with tempfile.TemporaryDirectory() as scratch:
        link = Path(scratch, "vectors.bin.gz" if _zipped(path) else "vectors.bin")
        link.symlink_to(Path(path).absolute())  # gensim goes by a file's name
        keyed = KeyedVectors.load_word2vec_format(link, binary=True, unicode_errors="replace")
    return keyed.index_to_key, keyed.vectors


def _read_text(path: str) -> tuple[list[str], Floats]:
    """Word2vec and GloVe text. gensim's reader fails on words with spaces, which GloVe has."""
    words: dict[str, None] = {}
    numbers = bytearray()  # grows in place: the vectors are never held twice
    held, free = 0, available_memory()
    with _open(path) as stream:
        lines = iter(partial(stream.readline, LONGEST), b"")
        first = next(lines, b"")
        header = _header(first)
        dimensions = header[1] if header else first.strip().count(b" ")
        for number, line in enumerate(lines if header else chain([first], lines), 1):
            if len(line) == LONGEST:
                raise ValueError(f"row {number} has more than {LONGEST:,} characters")
            name, *values = line.rstrip().rsplit(b" ", dimensions)
            if len(values) != dimensions:
                raise ValueError(f"row {number} does not hold a word and {dimensions} numbers")
            word = name.decode("utf-8", "replace")
            if word not in words:  # of a word that stands twice, the first row counts
                words[word] = None
                numbers += np.array(values).astype(np.float32).tobytes()
                held += WORD + len(word) + 4 * dimensions
                if held > free:
                    check_fits(held, "model", path, _SMALLER)
    return list(words), np.frombuffer(numbers, np.float32).reshape(len(words), -1)


def _zipped(path: str) -> bool:
    with open(path, "rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _open(path: str) -> IO[bytes]:
    return gzip.open(path, "rb") if _zipped(path) else open(path, "rb")  # type: ignore[return-value]


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
    raise ParameterError(
        "model",
        path,
        "is not a file of word vectors that can be read. It can be word2vec text or binary, GloVe "
        "text, a fastText .bin, a native gensim file, or a folder with one .npy and one .parquet "
        "file.",
    )
