"""The model of a run: saved beside its artifacts, loaded to give new documents their topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.base import Corpus, Embedder, Matrix, ParameterError, UserError
from components.datasets.python import documents_from
from components.datasets.split import split_corpus
from components.model import Prediction, SavedTopic, TopicModel
from components.model.seen import recognise
from runner.cache import Cache
from runner.embed import blank_for
from runner.model.alone import one_by_one
from runner.model.table import columns


@dataclass(repr=False)
class Model:
    """A run's topics, ready for new documents. Made by `runner.model.loading.load`.

    Attributes
    ----------
    topics : list of SavedTopic
        By number; each with id, label, size, words, documents (its most typical ones).
    layers : dict of str to list of SavedTopic
    about : dict
        What made it: name, config, metrics, versions, ...
    embedder_settings : mapping
        The config node of the embedder.
    learnt : tuple, optional
        What the embedder has learnt from the run's corpus; see `components.model.state`.
    """

    _model: TopicModel
    about: dict[str, Any]
    _embedder: Embedder | None
    _identity: dict[str, Any] | None
    _cache: Cache
    embedder_settings: Mapping[str, Any] = field(default_factory=dict)
    learnt: tuple[str, dict[str, Any]] | None = None

    def __repr__(self) -> str:
        n = self._model.settings["n_documents"]
        return f"<{type(self).__name__}: {len(self.topics):,} topics of {n:,} documents>"

    @property
    def topic_model(self) -> TopicModel:
        """What assigns vectors to topics."""
        return self._model

    @property
    def embedder(self) -> Embedder:
        """What makes vectors of documents.

        Raises
        ------
        UserError
            When the model was made from vectors in a file.
        """
        if self._embedder is None:
            raise UserError(
                f"the model {self.about['name']} was made from vectors in a file, so it cannot "
                "embed documents. Embed them with what made those vectors, and give it theirs, X, "
                "in Python: from runner import load; load(RUN).predict_vectors(X)"
            )
        return self._embedder

    @property
    def topics(self) -> list[SavedTopic]:
        return self._model.topics

    @property
    def layers(self) -> dict[str, list[SavedTopic]]:
        return self._model.layers

    def predict(
        self,
        documents: Any,
        *,
        text: str | None = None,
        memberships: bool = False,
        batch: str = "exact",
    ) -> Any:
        """Topics of documents.

        Parameters
        ----------
        documents : list of str, column or table, length n
            As for `runner.run`. One that is missing, blank, or without a word that the embedder
            knows is in no topic.
        text : str, optional
            The column with the documents of a table; None is `text`, or the only column.
        memberships : bool
            Add a column with the share of each topic.
        batch : {"exact", "fast"}
            ``exact`` embeds each document alone, so that its vector, and its answer, have the
            same bits whatever else is asked for. ``fast`` embeds in batches, and uses the vectors
            that runs have cached: last bits may differ.

        Returns
        -------
        pandas.DataFrame
            With the index of a Series or DataFrame that was given: topic (-1: none), label,
            strength, topic_<layer> for each layer; nearest_topic, nearest_label and similarity
            (the topic whose mean is nearest, and the cosine to it, also of a document in no
            topic); reason (why a document is in no topic, else empty); and memberships.

        Raises
        ------
        UserError
            When a document is not text; the message names the row.
        """
        import pandas as pd

        if isinstance(documents, str):
            raise UserError("predict takes a list of documents: write model.predict([text]).")
        if batch not in ("exact", "fast"):
            raise ParameterError("batch", batch, "must be exact or fast.")
        index = documents.index if isinstance(documents, pd.Series | pd.DataFrame) else None
        texts = documents_from(documents, text)
        prediction = Prediction.none(0, len(self.topics), self.layers)
        blank = np.zeros(0, bool)
        if texts:
            corpus = Corpus(texts)
            prediction, blank = self.predict_corpus(corpus, batch=batch), corpus.blank
        return pd.DataFrame(columns(self.topics, prediction, blank, memberships), index)

    def predict_corpus(self, corpus: Corpus, *, batch: str = "exact") -> Prediction:
        """Topics of the documents of a corpus, with their images where the embedder takes them.

        Of a run whose documents were split, a document gets the mixture of its pieces: its topic
        and memberships are those of `components.pieces.of_documents`.
        """
        if corpus.whole is None and (by := self._split_by):
            pieces = split_corpus(corpus, by, self.about["config"]["dataset"].get("split_length"))
            return self._predict(pieces, batch).of_documents(pieces)
        return self._predict(corpus, batch)

    @property
    def _split_by(self) -> str | None:
        """What the run's documents were cut into; None where they were not."""
        dataset = self.about["config"]["dataset"]
        # Of Hugging Face, `split` is the part of the data set.
        by: str | None = dataset.get("pieces" if "pieces" in dataset else "split")
        return by

    def _predict(self, corpus: Corpus, batch: str) -> Prediction:
        rows = np.flatnonzero(~blank_for(corpus, self.embedder))
        if not len(rows):
            return Prediction.none(len(corpus), len(self.topics), self.layers)
        chosen = rows.tolist()
        texts = [corpus.documents[row] for row in chosen]
        images = None if corpus.images is None else [corpus.images[row] for row in chosen]
        prediction = self._of_vectors(self.embed(texts, images, batch))
        if images is None:
            prediction = recognise(self._model, texts, prediction)
        return prediction.over_all(rows, len(corpus))

    def _of_vectors(self, X: Matrix) -> Prediction:
        """Topics of rows; one that is all zero is in none."""
        nonzero: Any = abs(X).sum(axis=1)
        rows = np.flatnonzero(np.asarray(nonzero).ravel())
        return self._model.predict(X[rows]).over_all(rows, X.shape[0])

    def predict_vectors(self, X: Any, *, memberships: bool = False) -> Any:
        """Topics of documents whose vectors, (n, d), are there already: as `predict` gives them.

        Raises
        ------
        UserError
            When they are no table of finite numbers, or have another number of columns than those
            that the model was made from.
        """
        import pandas as pd

        vectors = _checked(X, self._model.arrays["centroids"])
        prediction = self._of_vectors(vectors)
        blank = np.zeros(vectors.shape[0], bool)
        return pd.DataFrame(columns(self.topics, prediction, blank, memberships))

    def search(self, phrase: str, n: int = 5) -> Any:
        """The topics nearest to a phrase, best first.

        Returns
        -------
        pandas.DataFrame
            topic, label, similarity (the cosine to the topic's mean), document (the most typical
            one); empty where the embedder knows no word of the phrase.
        """
        import pandas as pd

        if not isinstance(phrase, str):
            raise UserError('search takes one phrase: write model.search("a phrase").')
        names = ["topic", "label", "similarity", "document"]
        corpus = Corpus([phrase])
        vectors = None if corpus.blank[0] else self.embed(list(corpus.documents))
        if vectors is None or not self.topics or not float(abs(vectors).sum()):
            return pd.DataFrame(columns=names)
        topics, cosines = self._model.nearest_topics(vectors, min(n, len(self.topics)))
        rows = [
            (t, self.topics[t].label, cosine, next(iter(self.topics[t].documents), ""))
            for t, cosine in zip(topics[0].tolist(), cosines[0].tolist(), strict=True)
        ]
        return pd.DataFrame(rows, columns=names)

    def embed(
        self,
        documents: Sequence[str],
        images: Sequence[str | None] | None = None,
        batch: str = "exact",
    ) -> Matrix:
        """Vectors (n, d) of documents, none of them blank; cached ones are read."""
        if batch not in ("exact", "fast"):
            raise UserError(f"batch={batch!r}: must be exact or fast.")
        embedder = self.embedder
        members = getattr(embedder, "members", None)
        if members is None:
            return self._embed(embedder, self._identity, documents, images, batch)
        keys = (self._identity or {}).get("of", {})
        return embedder.join(  # type: ignore[attr-defined]
            [
                self._embed(member, keys.get(name), documents, images, batch)
                for name, member in members.items()
            ]
        )

    def _embed(
        self,
        embedder: Embedder,
        key: dict[str, Any] | None,
        documents: Sequence[str],
        images: Sequence[str | None] | None,
        batch: str,
    ) -> Matrix:
        # An API's answers cannot be repeated to the bit, and are not to be paid for twice.
        if batch == "exact" and not hasattr(embedder, "iter_encode"):
            embedder = one_by_one(embedder)
            key = None if key is None else {"alone": True, **key}
        return self._cache.embeddings.encode(
            embedder, documents, identity=lambda: key, corpus_hash=str, images=images
        ).vectors


def _checked(X: Any, centroids: Matrix) -> Matrix:
    """A user's vectors as float32 (n, d), or as CSR (n, d) where the model's are sparse."""
    from scipy import sparse

    if sparse.issparse(X):
        X = X.toarray() if isinstance(centroids, np.ndarray) else X.tocsr().astype(np.float32)
    try:
        vectors = X if sparse.issparse(X) else np.asarray(X, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise UserError(f"these vectors are not a table of numbers: {error}.") from error
    if vectors.ndim != 2:
        raise UserError(
            f"vectors have the shape (documents, dimensions), and this array has {vectors.shape}. "
            "For one document, type X[None]."
        )
    if vectors.shape[1] != centroids.shape[1]:
        raise UserError(
            f"these vectors have {vectors.shape[1]} dimensions, and the model was made from "
            f"vectors of {centroids.shape[1]}. Embed the documents with the model's embedder."
        )
    is_finite = np.isfinite(vectors.data if sparse.issparse(vectors) else vectors)
    if not is_finite.all():
        raise UserError(f"{(~is_finite).sum():,} numbers of these vectors are NaN or infinite.")
    return vectors if isinstance(centroids, np.ndarray) else sparse.csr_matrix(vectors)
