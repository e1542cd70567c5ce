"""How long a large run will take, and how much memory, said once before the work.

Embedding is tried on some of the documents. The rest is arithmetic with constants that
experiments/scale was used to find, and the speed at which this machine multiplies matrices.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np

from components.base import Corpus, Floats, Integers, UserError
from components.neighbors import EXACT_LIMIT
from components.reducers.identity import Identity
from runner.cache.encoding import EncodeRequest
from runner.pipeline.memory import needs, total

log = logging.getLogger(__name__)

LARGE = 20_000  # documents from which on an estimate is worth its trial
LEAST = 1000  # documents to embed that are worth one
LONG = 60  # seconds of embedding from which on it is worth changing a setting
ASSUMED = 384  # dimensions, where nothing tells
STRATA = 5  # of the documents by length: each is tried
FEW, MANY = 16, 512  # documents of a stratum; many where few take no time that can be measured
MEASURABLE = 0.05  # seconds of the processor
# Seconds: to compare a pair of documents beside the product of their vectors, to read a character's
# word. Shares of the time of all pairs: where each is multiplied once, and by an inverted file.
PAIR, CHARACTER = 1.5e-9, 1.5e-6
ONCE, SHARE = 0.6, 0.08


def log_estimate(
    corpus: Corpus, parts: Any, draw_map: bool | None, request: EncodeRequest, rows: Integers
) -> None:
    """Log what a run of `LARGE` documents and more is estimated to take.

    Parameters
    ----------
    corpus : the documents
    parts : `runner.pipeline.parts.Parts`, built
    draw_map : whether a map of so many is asked for
    request : what embeds them
    rows : of the request's documents, those whose vectors are not stored yet
    """
    n = len(corpus)
    if n < LARGE:
        return
    embedding, d, known, unknown = 0.0, None, [], []
    if request.at_once or parts.cluster is not None:
        unknown += ["embedding"] if len(rows) else []
    elif len(rows) > LEAST:
        embedding, d = trial(request, rows)
        known.append(f"embedding {duration(embedding)}, by a trial on a few")
    seconds, characters = embedding, sum(map(len, corpus.documents))
    d = d or getattr(request.embedder, "dimensions", None)
    may_be_sparse = d is None and getattr(request.embedder, "fits_corpus", False)
    d = d or ASSUMED
    if (of_topics := getattr(parts.clusterer, "estimated_seconds", None)) is not None:
        # Among sparse vectors neither all pairs nor an inverted file, but pynndescent.
        descends = may_be_sparse and n > EXACT_LIMIT and isinstance(parts.reducer, Identity)
        after = of_topics(n) + (
            characters * CHARACTER if descends else after_embedding(n, characters, d)
        )
        unknown += ["neighbours"] if descends else []
        known.append(f"all else {duration(after)}")
        seconds += after
    else:
        unknown.append(type(parts.clusterer).__name__)
    if not isinstance(parts.reducer, Identity):
        unknown.append(type(parts.reducer).__name__)
    if draw_map:
        unknown.append("the map")
    if not known:
        return
    are = "is" if len(unknown) == 1 else "are"
    rest = f", and {' and '.join(unknown)}, which {are} not estimated" if unknown else ""
    log.info(
        "%s documents: about %s and %.1f GB (%s)%s. Half or twice as long is possible, and longer "
        "where other work shares the machine.",
        f"{n:,}", duration(seconds), total(needs(n, characters, d, parts)) / 1e9,
        "; ".join(known), rest,
    )  # fmt: skip
    faster = getattr(request.embedder, "faster_precision", None)
    if embedding > LONG and faster:
        log.info(
            "embedder.precision=%s takes half to a third of the time to embed on this processor; "
            "the topics hardly change (docs/embedders.md).",
            faster,
        )


def after_embedding(n: int, characters: float, d: int) -> float:
    """Seconds to search for neighbours and to count words.

    Parameters
    ----------
    n : documents
    characters : of all documents together
    d : dimensions of the vectors
    """
    pairs = float(n) ** 2 * (ONCE if n <= EXACT_LIMIT else SHARE)
    return pairs * (2 * d / products_a_second(d) + PAIR) + characters * CHARACTER


def products_a_second(d: int) -> float:
    """Operations a second when matrices with `d` columns are multiplied: the best of twenty."""
    a: Floats = np.ones((1024, d), np.float32)
    best = np.inf
    for _ in range(20):  # other work may come in between
        begun = time.perf_counter()
        a @ a.T
        best = min(best, time.perf_counter() - begun)
    return 2 * d * len(a) ** 2 / best


def trial(request: EncodeRequest, rows: Integers) -> tuple[float, int | None]:
    """Seconds to embed `rows`, by a trial on a few of each fifth by length; and the dimensions."""
    lengths = [len(request.documents[row]) for row in rows.tolist()]
    strata = np.array_split(rows[np.argsort(lengths, kind="stable")], STRATA)
    seconds, d = 0.0, None
    try:
        request.encode(strata[0][:1])  # loads the model
        for stratum in strata:
            for number in (FEW, MANY):
                some = stratum[len(stratum) // 2 :][:number]
                begun, used = time.perf_counter(), time.process_time()
                vectors, _ = request.encode(some)
                spent, d = time.perf_counter() - begun, vectors.shape[1]
                if time.process_time() - used > MEASURABLE:  # else it may have waited only
                    break
            seconds += spent / len(some) * len(stratum)
    except UserError:  # the run meets it too, and says where
        return 0.0, d
    return seconds, d


def duration(seconds: float) -> str:
    """In words, to a digit or two: 40 s, 6 min, 1.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds)) if seconds < 10 else round(seconds, -1):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
