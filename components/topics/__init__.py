"""From a clusterer's labels to topics: numbering, outliers, layers, words, typical documents."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from components.base import (
    Floats,
    Integers,
    Matrix,
    Outliers,
    Representation,
    Topic,
    UserError,
    call,
)
from components.labels import by_size
from components.representations.typical import cosine_to_topic, typical_rows

log = logging.getLogger(__name__)

MAX_LABEL = 2**24  # arrays as long as the highest label are made
N_EXAMPLES = 10  # typical documents that are named for each topic
_QUOTED = 40  # characters of a document that are the label of a topic without words


@dataclass(frozen=True)
class Labels:
    """Topics of the clustered documents: the main ones, and those of each layer, nested in them.

    main : int64 (m,); layers : by name, coarsest first, int64 (m,) each; strengths :
    float32 (m,); before : how many had no topic before outliers were assigned; memberships :
    CSR (m, topics) in the numbers of `main`, or None where the clusterer gives none
    """

    main: Integers
    layers: dict[str, Integers]
    strengths: Floats
    before: int
    memberships: Any | None = None


def settle(
    predicted: Any,
    clusterer: Any,
    X: Matrix,
    documents: Sequence[str],
    outliers: Outliers,
    words: Any | None = None,
) -> Labels:
    """Number a clusterer's topics by size, after its outliers were dealt with.

    Parameters
    ----------
    predicted : int (m,), what `fit_predict` returned
    clusterer : the fitted part; its `layers_`, `memberships_` and `probabilities_` are used
    X : float32 ndarray or CSR (m, d), the embedder's vectors
    documents : m texts
    outliers : the part that decides what becomes of outliers
    words : what `read_words` returned for the documents, if they were read already
    """
    name = type(clusterer).__name__
    raw = _checked(predicted, len(documents), f"{name}.fit_predict")
    layers = {
        layer: _checked(labels, len(documents), f"{name}.layers_[{layer!r}]")
        for layer, labels in getattr(clusterer, "layers_", {}).items()
    }
    before = int(np.sum(raw < 0))
    if before:
        # Layers are nested, so the finest labels decide those of all others.
        finest = max([raw, *layers.values()], key=lambda labels: labels.max(initial=-1))
        memberships = getattr(clusterer, "memberships_", None) if finest is raw else None
        assigned = call(outliers.assign, finest, X, documents, memberships, words=words)
        raw = _carry(raw, finest, assigned)
        layers = {name: _carry(labels, finest, assigned) for name, labels in layers.items()}
    main = by_size(raw)
    return Labels(
        main,
        {name: by_size(labels) for name, labels in layers.items()},
        _strengths(clusterer, X, raw, predicted),
        before,
        _memberships(getattr(clusterer, "memberships_", None), raw, main),
    )


def _memberships(memberships: Any, raw: Integers, main: Integers) -> Any | None:
    """A clusterer's memberships in the final numbers; those of assigned outliers are whole."""
    from scipy import sparse

    if memberships is None:
        return None
    numbers = np.full(memberships.shape[1], -1, np.int64)
    has = raw >= 0
    numbers[raw[has]] = main[has]
    same = hasattr(memberships, "indptr") and np.array_equal(numbers, np.arange(len(numbers)))
    if same and (np.diff(memberships.indptr)[has] > 0).all():
        return memberships
    entries = sparse.coo_matrix(memberships)
    valid = (numbers[entries.col] >= 0) & (entries.data > 0)
    rows, columns, data = entries.row[valid], numbers[entries.col[valid]], entries.data[valid]
    empty = np.flatnonzero(has & (np.bincount(rows, minlength=len(raw)) == 0))
    return sparse.csr_matrix(
        (
            np.concatenate([data, np.ones(len(empty), data.dtype)]),
            (np.concatenate([rows, empty]), np.concatenate([columns, main[empty]])),
        ),
        (len(raw), int(main.max(initial=-1)) + 1),
    )


def _checked(labels: Any, n: int, source: str) -> Integers:
    """Labels as int64 (n,), every negative one -1.

    Raises
    ------
    UserError
        When they are not one whole number for each document.
    """
    array = np.asarray(labels)
    if array.shape != (n,):
        raise UserError(
            f"{source} gave an array of shape {array.shape} for {n} documents. It must give one "
            "label for each."
        )
    if array.dtype.kind not in "iu":
        whole = array.dtype.kind == "f" and bool(np.all(np.mod(array, 1) == 0))
        if not whole:
            raise UserError(
                f"{source} gave labels of type {array.dtype} that are not whole numbers. It must "
                "give integers, and -1 for an outlier."
            )
    checked = array.astype(np.int64)
    below = checked < -1
    if below.any():
        log.warning(
            "%s gave %d labels below -1 (%d, ...): they are outliers.",
            source,
            int(below.sum()),
            int(checked[below][0]),
        )
        checked[below] = -1
    if checked.max(initial=-1) > MAX_LABEL:
        raise UserError(
            f"{source} gave the label {checked.max()}. Topics must be numbered from 0 on."
        )
    return checked


def read_words(representation: Representation, documents: Sequence[str]) -> Any:
    """What a representation knows of the documents alone, for all layers; None if it reads none."""
    read = getattr(representation, "read", None)
    return None if read is None else read(documents)


def describe(
    representation: Representation,
    documents: Sequence[str],
    labels: Integers,
    X: Matrix,
    rows: Integers,
    encode_words: Callable[[list[str]], Matrix],
    words: Any = None,
) -> list[Topic]:
    """Words, size and typical documents of each topic.

    Parameters
    ----------
    representation : Representation
        It is fitted.
    documents : m texts
    labels : int64 (m,), topics without gaps; -1 is none
    X : float32 ndarray or CSR (m, d), the embedder's vectors
    rows : int64 (m,), of the documents in the corpus
    encode_words : from n words to their vectors, (n, d)
    words : what `read_words` returned for the documents

    Raises
    ------
    UserError
        When the representation gives something else than a list of weighted words for each topic.
    """
    n_topics = int(labels.max(initial=-1)) + 1
    if n_topics == 0:
        log.warning(
            "no topic was found: every document is an outlier. Lower the clusterer's minimum topic "
            "size, or try another clusterer."
        )
        return []
    call(
        representation.fit,
        documents,
        labels,
        embeddings=X,
        encode_words=encode_words,
        words=words,
    )
    _check_words(representation, n_topics)
    sizes = np.bincount(labels[labels >= 0], minlength=n_topics)
    typical = typical_rows(X, labels, N_EXAMPLES)
    return [
        Topic(
            topic,
            int(sizes[topic]),
            tuple(words),
            typical=int(rows[typical[topic][0]]),
            examples=tuple(rows[typical[topic]].tolist()),
            label="" if words else _quoted(documents[typical[topic][0]]),
        )
        for topic, words in enumerate(representation.words_)
    ]


def _quoted(document: str) -> str:
    """The label of a topic without words: how a typical document begins, such as “n/a”."""
    text = " ".join(document[:_QUOTED].split())
    return f"“{text}{'…' if len(document) > _QUOTED else ''}”" if text else ""


def _check_words(representation: Representation, n_topics: int) -> None:
    """Refuse words that are not what the contract says, and warn of topics that have none."""
    name = type(representation).__name__
    by_topic: Any = getattr(representation, "words_", None)
    if not isinstance(by_topic, Sequence) or isinstance(by_topic, str):
        raise UserError(
            f"{name}.words_ must be a list with the words of each topic after `fit`, and is of "
            f"type {type(by_topic).__name__}."
        )
    if len(by_topic) != n_topics:
        raise UserError(f"{name}.words_ holds {len(by_topic)} topics, and there are {n_topics}.")
    for topic, pairs in enumerate(by_topic):
        if not isinstance(pairs, Sequence) or isinstance(pairs, str):
            raise UserError(
                f"{name}.words_ must hold a list of pairs for each topic, and topic {topic} has "
                f"{pairs!r:.50}."
            )
        for pair in pairs:
            if not _is_word(pair):
                raise UserError(
                    f"{name}.words_ must hold pairs of a word and a finite weight, and topic "
                    f"{topic} has {pair!r:.100}."
                )
    if empty := [topic for topic, pairs in enumerate(by_topic) if not pairs]:
        removed = getattr(getattr(representation, "source_", None), "removed", {})
        n_common = removed.get("words of boilerplate", 0)
        log.warning(
            "%d of %d topics have no words (the first is topic %d): their documents hold no word "
            "that counts as one; stop words, numbers and signs such as emoji do not%s.",
            len(empty),
            n_topics,
            empty[0],
            ", nor does what stands in nearly every document: representation.clean=false counts it"
            if n_common
            else "",
        )


def _is_word(pair: Any) -> bool:
    """Whether this is a word and a finite weight."""
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return False
    word, weight = pair
    number = isinstance(weight, Real) and not isinstance(weight, bool)
    return isinstance(word, str) and number and bool(np.isfinite(weight))


def _carry(labels: Integers, finest: Integers, assigned: Integers) -> Integers:
    """Labels of a layer after the finest ones have changed."""
    if labels is finest:
        return assigned
    inside = np.full(int(finest.max(initial=-1)) + 2, -1, dtype=np.int64)
    inside[finest] = labels
    inside[-1] = -1
    return np.where(labels < 0, inside[assigned], labels)


def _strengths(clusterer: Any, X: Matrix, labels: Integers, predicted: Any) -> Floats:
    """float32 (m,), how firmly each document belongs to its topic, in [0, 1].

    The clusterer's own `probabilities_` where it has them; else, and for outliers that were
    assigned, the cosine of a document's vector to the mean of its topic's unit vectors, and 0
    where that is negative.
    """
    probabilities = getattr(clusterer, "probabilities_", None)
    assigned = (labels >= 0) & (np.asarray(predicted) < 0)
    if probabilities is None or assigned.any():
        near = np.clip(cosine_to_topic(X, labels), 0.0, 1.0)
        probabilities = near if probabilities is None else np.where(assigned, near, probabilities)
    return np.where(labels >= 0, probabilities, 0.0).astype(np.float32)
