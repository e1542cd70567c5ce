"""Flair: a transformer's document embeddings, and pooled word embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np

from components.base import Floats, ParameterError, at_least, require
from components.embedders import weights, word_vectors
from components.embedders.flair_sentences import embedded, sentences_of, use_device
from components.embedders.torch_models import (
    RecordingTokenizer,
    length_limit,
    packed,
    pick_device,
    too_long,
    truncated,
)


class FlairTransformerEmbedder:
    """Flair's `TransformerDocumentEmbeddings`, in batches of like length.

    Parameters
    ----------
    model : str
        A hub's name, a local folder, or `pkg://package/folder`.
    revision : str, optional
        Branch, tag or commit on the hub; None takes what is cached here, else the newest.
    pooling : {"mean", "cls", "max"}
        Over the subtokens of the document (Flair's `cls_pooling`).
    layers : str
        Which layers: "-1" is the topmost, "-1,-2" the two topmost, "all".
    layer_mean : bool
        Average the layers instead of joining them.
    allow_long_sentences : bool
        Read a document to its end in overlapping windows instead of truncating it.
    max_length : int, optional
        Tokens at which a document is truncated; None takes the model's own limit.
    device : str, optional
        cpu, cuda, cuda:1, mps; None takes the best one there is.
    batch_size : int
    trust_remote_code : bool
        Run the Python code that comes with the model.
    trust_pickle : bool
        Also read weights that only come as `pytorch_model.bin`.
    """

    by_length = True

    def __init__(
        self,
        *,
        model: str,
        revision: str | None = None,
        pooling: Literal["mean", "cls", "max"] = "mean",
        layers: str = "-1",
        layer_mean: bool = False,
        allow_long_sentences: bool = False,
        max_length: int | None = None,
        device: str | None = None,
        batch_size: int = 32,
        trust_remote_code: bool = False,
        trust_pickle: bool = False,
    ) -> None:
        require("flair", extra="flair")
        self.model = model
        self.revision = revision
        self.pooling = pooling
        self.layers = layers
        self.layer_mean = layer_mean
        self.allow_long_sentences = allow_long_sentences
        self.max_length = max_length
        self.device = device
        self.batch_size = batch_size
        self.trust_remote_code = trust_remote_code
        self.trust_pickle = trust_pickle
        at_least(1, batch_size=batch_size)
        if pooling not in ("mean", "cls", "max"):
            raise ParameterError("pooling", pooling, "must be mean, cls or max.")
        numbers = layers.split(",")
        if layers != "all" and not all(n.strip().lstrip("-").isdigit() for n in numbers):
            raise ParameterError("layers", layers, "must be 'all' or numbers: '-1,-2'.")
        weights.resolve(model)

    def fingerprint(self) -> dict[str, Any]:
        return {
            "class": type(self).__name__,
            **weights.identity(self.model, self.revision),
            "pooling": self.pooling,
            "layers": self.layers,
            "layer_mean": self.layer_mean,
            "allow_long_sentences": self.allow_long_sentences,
            "max_length": self.max_length,
            "trust_remote_code": self.trust_remote_code,
        }

    def encode(self, documents: Sequence[str]) -> Floats:
        """Vectors, float32 (n, d). Sets `truncated_`, bool (n,)."""
        embedding, limit = self._loaded
        sentences = sentences_of(documents, embedding.device_)
        self.truncated_ = np.zeros(len(sentences), bool)

        def note(batch: list[int]) -> None:
            if embedding.allow_long_sentences:
                return
            cut: Any = truncated(embedding.tokenizer.returned)
            if cut is None:  # a slow tokenizer does not tell
                words = [[token.text for token in sentences[row]] for row in batch]
                cut = too_long(embedding.tokenizer, words, limit)
            self.truncated_[batch] = cut

        return embedded(embedding, sentences, self.batch_size, note)

    @cached_property
    def _loaded(self) -> tuple[Any, int]:
        """The embedding, and the tokens at which a document is truncated."""
        device = use_device(pick_device(self.device))

        def build(name: str, **source: Any) -> Any:
            from flair.embeddings import TransformerDocumentEmbeddings

            if self.trust_remote_code:
                source["trust_remote_code"] = True
            return TransformerDocumentEmbeddings(
                name,
                layers=self.layers,
                layer_mean=self.layer_mean,
                cls_pooling=self.pooling,
                allow_long_sentences=self.allow_long_sentences,
                fine_tune=False,
                use_context=False,
                use_context_separator=False,
                transformers_model_kwargs={"use_safetensors": None if self.trust_pickle else True},
                **source,
            )

        embedding = weights.fetch(self.model, self.revision, build, "config.json")
        tokenizer = embedding.tokenizer
        limit = length_limit(embedding.model, tokenizer, self.max_length)
        # Flair cuts at what the tokenizer names, and not at all where it names nothing.
        tokenizer.model_max_length, embedding.truncate = limit, True
        embedding.allow_long_sentences = self.allow_long_sentences
        embedding.stride = limit // 2 if self.allow_long_sentences else 0
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        embedding.tokenizer = RecordingTokenizer(tokenizer)
        embedding.device_ = device
        return packed(embedding), limit


class FlairWordEmbedder:
    """Flair's `DocumentPoolEmbeddings` over one or more `WordEmbeddings`, in batches.

    A word that the embeddings do not know is a row of zeros, and takes part in the pooling.

    Parameters
    ----------
    model : str or list of str
        Several are stacked: their vectors are joined. Each is a name of Flair's (`glove`,
        `crawl`, `de`, ...), which Flair downloads and caches; or a local file or folder of word
        vectors, or `pkg://package/folder`.
    pooling : {"mean", "max", "min"}
    device : str, optional
        Where vectors are pooled: cpu, cuda, cuda:1, mps; None takes the best one there is.
    batch_size : int
    trust_pickle : bool
        Read local native gensim files. Loading a pickle can run any code.
    cache_dir : str, optional
        Where text and binary files are cached once read; None takes the user's cache folder.
    """

    def __init__(
        self,
        *,
        model: str | list[str],
        pooling: Literal["mean", "max", "min"] = "mean",
        device: str | None = None,
        batch_size: int = 32,
        trust_pickle: bool = False,
        cache_dir: str | None = None,
    ) -> None:
        require("flair", extra="flair")
        self.model = model
        self.pooling = pooling
        self.device = device
        self.batch_size = batch_size
        self.trust_pickle = trust_pickle
        self.cache_dir = cache_dir
        at_least(1, batch_size=batch_size)
        if pooling not in ("mean", "max", "min"):
            raise ParameterError("pooling", pooling, "must be mean, max or min.")
        self._names = [model] if isinstance(model, str) else list(model)
        self._unknown = word_vectors.UnknownWords(", ".join(self._names))
        if not self._names:
            raise ParameterError("model", "[]", "names no word embeddings. Give one: glove.")
        for name in self._names:
            path = weights.resolve(name)
            kind = word_vectors.sniff(path) if weights.is_local(path) else None
            if kind == "fasttext":
                raise ParameterError(
                    "model",
                    name,
                    "is a fastText model, whose subwords Flair's word embeddings cannot use. Use "
                    "gensim_glove, or the model's .vec file.",
                )
            if kind == "native" and not trust_pickle:
                raise word_vectors.pickle_refused(name)

    def fingerprint(self) -> dict[str, Any]:
        return {
            "class": type(self).__name__,
            "model": [self._identity(name) for name in self._names],
            "pooling": self.pooling,
        }

    def encode(self, documents: Sequence[str]) -> Floats:
        """Vectors, float32 (n, d)."""
        embedding = self._loaded
        sentences = sentences_of(documents, embedding.device_)
        for sentence in sentences if self._unknown.open else ():
            words = [token.text for token in sentence if token.text.isalpha()]
            in_vocabulary = sum(any(_knows(e, word) for e in self._stacked) for word in words)
            self._unknown.count(in_vocabulary, len(words))
        return embedded(embedding, sentences, self.batch_size)

    def _identity(self, name: str) -> str:
        path = weights.resolve(name)
        # The files on Flair's server never change under their name.
        return word_vectors.content_hash(path) if weights.is_local(path) else f"flair:{path}"

    @cached_property
    def _loaded(self) -> Any:
        device = use_device(pick_device(self.device))
        from flair.embeddings import DocumentPoolEmbeddings

        # Flair joins stacked vectors in the order of their names.
        words = [self._words(name, f"{place:03}") for place, name in enumerate(self._names)]
        self._stacked = words
        embedding = DocumentPoolEmbeddings(words, pooling=self.pooling)
        embedding.device_ = device
        return embedding

    def _words(self, name: str, label: str) -> Any:
        from flair.embeddings import WordEmbeddings
        from torch import from_numpy, nn

        path = weights.resolve(name)
        if not weights.is_local(path) or word_vectors.sniff(path) == "native":
            with weights.loading(path):
                return WordEmbeddings(path, name=label)
        loaded = word_vectors.load(path, self.cache_dir)
        n, d = len(loaded.index), loaded.vectors.shape[1]
        table = np.zeros((n + 1, d), np.float32)  # the last row is that of unknown words
        table[:n] = loaded.vectors[:n]
        words = WordEmbeddings(None, vocab={}, embedding_length=d, name=label)
        words.vocab = loaded.index
        words.embedding = nn.Embedding.from_pretrained(from_numpy(table))
        return words


def _knows(words: Any, word: str) -> bool:
    """Whether Flair's `WordEmbeddings` has a vector for a word, in whatever case."""
    return word in words.vocab or word.lower() in words.vocab
