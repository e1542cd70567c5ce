"""Whether a run will fit into memory, before the work.

The arithmetic is plain: bytes for each document, each dimension of a vector, each link. What a part
needs is known to the part (`peak_memory`); the rest was calibrated by experiments/scale.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

from components.base import Corpus, UserError
from components.memory import available_memory
from components.reducers.identity import Identity
from runner.cache.encoding import looks_up
from runner.embed import document_model

log = logging.getLogger(__name__)

PROGRAM = 450e6  # bytes of the interpreter, the libraries, and a small model
DOCUMENT = 600  # bytes of a document beside its characters: objects, labels, columns of tables
CHARACTERS = 6  # of a word, with the space after it
WORDS = 8  # bytes for each character of the documents, while words are counted
LINKS = 64  # neighbours of each document while they are searched for, 4 bytes each twice
ASSUMED = 1024  # dimensions, where finding out would cost money or time
WIDEST = 4096  # dimensions, at most, as far as is known
GB = 1e9

Mode = Literal["warn", "refuse", "off"]


def check_memory(corpus: Corpus, parts: Any, mode: Mode = "warn") -> None:
    """Warn, or refuse to start, where a run is estimated to need more memory than there is.

    Parameters
    ----------
    corpus : the documents
    parts : `runner.pipeline.Parts`, built
    mode : "off" does not look

    Raises
    ------
    UserError
        Where `mode` is "refuse" and the run does not fit.
    """
    if mode == "off":
        return
    available = available_memory()
    n = len(corpus)
    characters = sum(map(len, corpus.documents))
    if total(needs(n, characters, WIDEST, parts)) < available:
        return  # whatever the embedder: no need to ask it
    d, assumed = _dimensions(corpus, parts)
    needed = needs(n, characters, d, parts)
    if total(needed) < available:
        return
    most = _fitting(n, characters, d, parts, available)
    what = ", ".join(f"{name} {size / GB:.1f}" for name, size in needed.items())
    message = (
        f"{n:,} documents with vectors of {d:,} numbers{' (assumed)' if assumed else ''} are "
        f"estimated to need {total(needed) / GB:.1f} GB of memory ({what}), and "
        f"{available / GB:.1f} GB are available. "
        + (f"dataset.limit={most} would fit. " if most >= 100 else "")
        + "An embedder whose vectors have fewer numbers, or another clusterer, may need less too."
    )
    if mode == "refuse":
        raise UserError(f"{message} preflight.memory=warn starts all the same.")
    log.warning("%s preflight.memory=refuse stops here, off does not look.", message)


def needs(n: int, characters: float, d: int, parts: Any) -> dict[str, float]:
    """Bytes at the peak of a run, by what they are for.

    What is held all the time, and of the steps that follow one another the largest.

    Parameters
    ----------
    n : documents
    characters : of all documents together
    d : dimensions of the vectors
    parts : `runner.pipeline.Parts`
    """
    reduced = _reduced(d, parts.reducer)
    graph = 8.0 * n * LINKS
    needed = {
        "the program": PROGRAM,
        "documents": n * DOCUMENT + characters,
        "vectors": 4.0 * n * (d + (0 if isinstance(parts.reducer, Identity) else reduced)),
    }
    steps = {
        "neighbours": 4.0 * n * d + graph,
        "reducer": _peak(parts.reducer, n, d),
        # The graph that it is given is kept, for others that ask for it.
        "clusterer": _peak(parts.clusterer, n, reduced) + graph,
        "words": WORDS * characters,
    }
    largest = max(steps, key=lambda name: steps[name])
    return needed | {largest: steps[largest]}


def total(needed: dict[str, float]) -> float:
    """Bytes at the peak of a run, of what `needs` returns."""
    return sum(needed.values())


def _peak(part: Any, n: int, d: int) -> float:
    estimate = getattr(part, "peak_memory", None)
    return 0.0 if estimate is None else float(estimate(n, d))


def _reduced(d: int, reducer: Any) -> int:
    n = getattr(reducer, "n_components", d)
    # scikit-learn's PCA also takes a share of the variance, "mle" and None.
    return min(d, n) if isinstance(n, int) and n > 0 else d


def _fitting(n: int, characters: float, d: int, parts: Any, available: int) -> int:
    """The largest number of documents that is estimated to fit, to two digits."""
    low, high = 0, n
    while high - low > max(1, n // 200):
        middle = (low + high) // 2
        fits = total(needs(middle, characters * middle / n, d, parts)) < 0.9 * available
        low, high = (middle, high) if fits else (low, middle)
    digits: int = 10 ** max(0, len(str(low)) - 2)
    return low // digits * digits


def _dimensions(corpus: Corpus, parts: Any) -> tuple[int, bool]:
    """Dimensions of the vectors, and whether they are a guess; one document may be embedded."""
    model, _ = document_model(parts.embedder, parts.settings.get("embedder", {}))
    members = getattr(model, "members", None) or {"": model}
    sizes = [_size(member, corpus) for member in members.values()]
    return sum(size or ASSUMED for size in sizes), None in sizes


def _size(model: Any, corpus: Corpus) -> int | None:
    dimensions = getattr(model, "dimensions", None)
    if isinstance(dimensions, int):
        return dimensions
    if getattr(model, "fits_corpus", False):  # sparse: 12 bytes for each word of a document
        return max(1, int(3 * sum(map(len, corpus.documents)) / len(corpus) / CHARACTERS))
    if looks_up(model) or hasattr(model, "iter_encode") or corpus.images is not None:
        return None
    first = next((d for d, blank in zip(corpus.documents, corpus.blank, strict=True) if not blank))
    return int(model.encode([first]).shape[1])
