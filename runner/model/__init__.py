"""The model of a run: saved beside its artifacts, loaded to give new documents their topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Corpus, Embedder, Floats, Integers, Matrix, ParameterError, UserError
from components.datasets.split import split_corpus
from components.model import Prediction, SavedTopic, TopicModel
from components.model.seen import recognise
from components.pieces import heaviest, mixture_of
from runner.cache import Cache
from runner.model.alone import one_by_one

# Why a document is in no topic.
EMPTY = "empty"
UNKNOWN = "without a word that the embedder knows"
UNLIKE = "unlike every topic"


@dataclass
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
        self, documents: Sequence[str], *, memberships: bool = False, batch: str = "exact"
    ) -> Any:
        """Topics of documents.

        Parameters
        ----------
        documents : sequence of str, length n
            A blank one, or one without a word that the embedder knows, is in no topic.
        memberships : bool
            Add a column with the share of each topic.
        batch : {"exact", "fast"}
            ``exact`` embeds each document alone, so that its vector, and its answer, have the
            same bits whatever else is asked for. ``fast`` embeds in batches, and uses the vectors
            that runs have cached: last bits may differ.

        Returns
        -------
        pandas.DataFrame
            topic (-1: none), label, strength, topic_<layer> for each layer; nearest_topic,
            nearest_label and similarity (the topic whose mean is nearest, and the cosine to it,
            also of a document in no topic); reason (why a document is in no topic, else empty);
            and memberships.

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
        if not len(documents):
            nothing = Prediction.none(0, len(self.topics), self.layers)
            return pd.DataFrame(self.columns(nothing, np.zeros(0, bool), memberships))
        corpus = Corpus(list(documents))
        prediction = self.predict_corpus(corpus, batch=batch)
        return pd.DataFrame(self.columns(prediction, corpus.blank, memberships))

    def predict_corpus(self, corpus: Corpus, *, batch: str = "exact") -> Prediction:
        """Topics of the documents of a corpus, with their images where the embedder takes them.

        Of a run whose documents were split, a document gets the mixture of its pieces: its topic
        and memberships are those of `components.pieces.of_documents`.
        """
        if corpus.whole is None and (by := self._split_by):
            pieces = split_corpus(corpus, by, self.about["config"]["dataset"].get("split_length"))
            return _of_documents(self._predict(pieces, batch), pieces)
        return self._predict(corpus, batch)

    @property
    def _split_by(self) -> str | None:
        """What the run's documents were cut into; None where they were not."""
        dataset = self.about["config"]["dataset"]
        # Of Hugging Face, `split` is the part of the data set.
        by: str | None = dataset.get("pieces" if "pieces" in dataset else "split")
        return by

    def _predict(self, corpus: Corpus, batch: str) -> Prediction:
        rows = np.flatnonzero(~corpus.blank)
        if not len(rows):
            return Prediction.none(len(corpus), len(self.topics), self.layers)
        chosen = rows.tolist()
        texts = [corpus.documents[row] for row in chosen]
        images = None if corpus.images is None else [corpus.images[row] for row in chosen]
        vectors = self.embed(texts, images, batch)
        nonzero: Any = abs(vectors).sum(axis=1)
        has_vector = np.flatnonzero(np.asarray(nonzero).ravel())
        prediction = self.predict_vectors(vectors[has_vector])
        if images is None:
            prediction = recognise(self._model, [texts[row] for row in has_vector], prediction)
        return prediction.over_all(rows[has_vector], len(corpus))

    def predict_vectors(self, X: Matrix) -> Prediction:
        """Topics of documents whose vectors, (n, d), are there already.

        Raises
        ------
        UserError
            When they are no table, or have another number of columns than those that the model
            was made from.
        """
        if len(X.shape) != 2:
            raise UserError(
                f"vectors have the shape (documents, dimensions), and this array has {X.shape}. "
                "For one document, type X[None]."
            )
        if X.shape[1] != self._model.n_dimensions:
            raise UserError(
                f"these vectors have {X.shape[1]} dimensions, and the model was made from vectors "
                f"of {self._model.n_dimensions}. Embed the documents with the model's embedder."
            )
        return self._model.predict(X)

    def search(self, phrase: str, n: int = 5) -> Any:
        """The topics nearest to a phrase, best first.

        Returns
        -------
        pandas.DataFrame
            topic, label, similarity (the cosine to the topic's mean), document (the most typical
            one); empty where the embedder knows no word of the phrase.
        """
        import pandas as pd

        columns = ["topic", "label", "similarity", "document"]
        corpus = Corpus([phrase])
        vectors = None if corpus.blank[0] else self.embed(list(corpus.documents))
        if vectors is None or not self.topics or not float(abs(vectors).sum()):
            return pd.DataFrame(columns=columns)
        topics, cosines = self._model.nearest_topics(vectors, min(n, len(self.topics)))
        rows = [
            (t, self.topics[t].label, cosine, next(iter(self.topics[t].documents), ""))
            for t, cosine in zip(topics[0].tolist(), cosines[0].tolist(), strict=True)
        ]
        return pd.DataFrame(rows, columns=columns)

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

    def columns(
        self, prediction: Prediction, blank: NDArray[np.bool_], memberships: bool = False
    ) -> dict[str, Any]:
        """A prediction for n documents as named columns; `blank` (n,): those without a text."""
        labels = [topic.label for topic in self.topics] + [""]
        columns: dict[str, Any] = {
            "topic": prediction.topics,
            "label": [labels[topic] for topic in prediction.topics.tolist()],
            "strength": prediction.strengths,
        }
        columns |= {f"topic_{name}": values for name, values in prediction.layers.items()}
        columns |= {
            "nearest_topic": prediction.nearest,
            "nearest_label": [labels[topic] for topic in prediction.nearest.tolist()],
            "similarity": prediction.similarities,
        }
        reasons = [blank, prediction.nearest < 0, prediction.topics < 0]
        columns["reason"] = np.select(reasons, [EMPTY, UNKNOWN, UNLIKE], "").tolist()
        if memberships:
            columns["memberships"] = list(prediction.memberships)
        return columns


def _of_documents(prediction: Prediction, pieces: Corpus) -> Prediction:
    """A prediction for pieces as one for the documents that they are parts of."""
    mixture = mixture_of(prediction.topics, pieces)
    topics, strengths = heaviest(mixture)
    mixture.resize((mixture.shape[0], prediction.memberships.shape[1]))
    return Prediction(
        topics,
        strengths.astype(np.float32),
        mixture.toarray().astype(np.float32),
        {name: heaviest(mixture_of(of, pieces))[0] for name, of in prediction.layers.items()},
        *_nearest(prediction, pieces),
    )


def _nearest(prediction: Prediction, pieces: Corpus) -> tuple[Integers, Floats]:
    """The topic that any piece of a document is nearest to, and that piece's similarity."""
    assert pieces.whole is not None
    assert pieces.parents is not None
    nearest = np.full(len(pieces.whole), -1, np.int64)
    similarities = np.zeros(len(pieces.whole), np.float32)
    order = np.argsort(prediction.similarities, kind="stable")
    order = order[prediction.nearest[order] >= 0]
    nearest[pieces.parents[order]] = prediction.nearest[order]  # the last of equals stays
    similarities[pieces.parents[order]] = prediction.similarities[order]
    return nearest, similarities
