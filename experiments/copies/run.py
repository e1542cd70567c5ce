"""What copies of documents do to the topics of the others.

    python experiments/copies/run.py DATA/bbc_news.jsonl.gz DATA/reddit_topical.jsonl.gz ...
    python experiments/copies/run.py                        # the tables, from results.csv

A corpus is a JSONL file with the keys "text" and "label", of which the first `--limit` documents
are used, without those whose vector an earlier one has. Copies are then added in several ways, and
the topics of the originals compared with their labels, and with the topics that they have without
copies. "every document" is Leiden on a graph of all documents, as it was before; "originals" is
Leiden on a graph of those that differ, as it is now.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import add_rows, build_parts, command_line, name_of, read_rows

HERE = Path(__file__).parent
KEYS = (
    "embedder corpus copies method seed documents topics resolution ami ami_without whole"
).split()
METHODS = ("every document", "originals")
NEAR = 1e-3  # length of the difference between a document and a near copy


def ways(n: int, own: Any, rng: np.random.Generator) -> dict[str, tuple[Any, float]]:
    """For each way, which of `n` documents each copy is one of, and how far it is from it.

    Parameters
    ----------
    own : int64 (copies,)
        Of the copies that the corpus itself has.
    """
    shuffled = rng.permutation(n)
    some = np.resize(shuffled[:50], 2 * n // 3)
    return {
        "none": (shuffled[:0], 0),
        "those it has": (own, 0),
        "every document once more": (np.arange(n), 0),
        "one document, 500 times": (np.repeat(shuffled[:1], 500), 0),
        "200 documents, 20 times each": (np.repeat(shuffled[:200], 20), 0),
        "50 documents, two fifths of all": (some, 0),
        "one document, 500 near copies": (np.repeat(shuffled[:1], 500), NEAR),
        "50 documents, two fifths near copies": (some, NEAR),
    }


def added(X: Any, of: Any, distance: float, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """The documents with copies among them, which one each row is of, and the order it was put in.

    A copy comes after its original, as documents with the same text do in a run, and a near copy
    anywhere.
    """
    copies = X[of]
    if distance:
        noise = rng.normal(size=copies.shape)
        noise *= distance / np.linalg.norm(noise, axis=1, keepdims=True)
        copies = (copies + noise).astype(X.dtype)
    places = rng.uniform(0, len(X), len(of)) if distance else of
    order = np.argsort(np.concatenate([np.arange(len(X)), places]), kind="stable")
    return np.vstack([X, copies])[order], np.concatenate([np.arange(len(X)), of])[order], order


def vectors(path: Path, options: Any) -> tuple[Any, Any, Any]:
    """Vectors of the documents that differ, their labels, and which of them has a copy."""
    from components.clusterers.copies import find_originals
    from runner.cache import Cache
    from runner.embed import embed

    parts = build_parts(
        ["dataset=jsonl", f"dataset.path={path}", "dataset.label=label",
         f"dataset.limit={options.limit}", f"embedder={options.embedder}"]
    )  # fmt: skip
    corpus = parts.dataset.load()
    cache = Cache(options.cache)
    rows, encoded = embed(corpus, parts.embedder, cache, parts.settings.get("embedder", {}))
    X = encoded.vectors / np.linalg.norm(encoded.vectors, axis=1, keepdims=True)
    originals = find_originals([encoded.vectors])
    copies = np.delete(originals.of_row, originals.rows)
    return X[originals.rows], np.array(corpus.labels, dtype=str)[rows[originals.rows]], copies


def no_copies(parts: Any, guidance: Any = None) -> Any:
    """In the place of `find_originals`: every document is an original."""
    from components.clusterers.copies import Originals

    rows = np.arange(parts[0].shape[0])
    return Originals(rows, rows)


def measure(X: Any, truth: Any, own: Any, seed: int) -> Iterator[dict[str, Any]]:
    """A row of results.csv for each way and method."""
    from sklearn.metrics import adjusted_mutual_info_score

    from components.clusterers import leiden
    from components.clusterers.copies import find_originals

    n = len(X)
    without: dict[str, Any] = {}
    for name, (of, distance) in ways(n, own, np.random.default_rng(0)).items():
        Y, document, order = added(X, of, distance, np.random.default_rng(1))
        for method in METHODS:
            find = find_originals if method == METHODS[1] else no_copies
            with patch.object(leiden, "find_originals", find):
                clusterer = leiden.LeidenClusterer(random_state=seed)
                labels = clusterer.fit_predict(Y)
            found = labels[np.argsort(order)[:n]]  # of the originals
            without.setdefault(method, found)
            pairs = np.unique(np.column_stack([document, labels]), axis=0)
            n_topics = np.bincount(pairs[:, 0])[np.unique(of)]
            yield {
                "copies": name,
                "method": method,
                "seed": seed,
                "documents": len(Y),
                "topics": len(np.unique(labels[labels >= 0])),
                "resolution": clusterer.choice_["resolution"],
                "ami": float(adjusted_mutual_info_score(truth, found)),
                "ami_without": float(adjusted_mutual_info_score(without[method], found)),
                "whole": float(np.mean(n_topics == 1)) if len(of) else "",
            }


def table(rows: list[dict[str, str]]) -> Iterator[str]:
    """Markdown: for each corpus a line for each way, means over seeds, before and now."""
    corpora = dict.fromkeys((r["embedder"], r["corpus"]) for r in rows)
    for embedder, corpus in corpora:
        here = [r for r in rows if (r["embedder"], r["corpus"]) == (embedder, corpus)]
        yield f"\n**{corpus}**, `{embedder}`\n"
        yield "| copies | documents | topics | AMI with labels | AMI with topics without copies |"
        yield "|---|---:|---:|---:|---:|"
        for name in dict.fromkeys(r["copies"] for r in here):
            of_method = [
                [r for r in here if (r["copies"], r["method"]) == (name, m)] for m in METHODS
            ]
            n = int(of_method[0][0]["documents"])
            cells = [cell(of_method, "topics", "{:.0f}"), cell(of_method, "ami", "{:.3f}")]
            cells += ["" if name == "none" else cell(of_method, "ami_without", "{:.3f}")]
            yield f"| {name} | {n:,} | {' | '.join(cells)} |"


def cell(of_method: list[list[dict[str, str]]], key: str, form: str) -> str:
    """Means over seeds, before and now."""
    means = [statistics.mean(float(row[key]) for row in rows) for rows in of_method]
    return " → ".join(map(form.format, means))


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = command_line(__doc__)
    parser.add_argument("corpora", nargs="*", type=Path)
    parser.add_argument("--embedder", default="minilm")
    parser.add_argument("--limit", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path(".runner-cache"))
    parser.add_argument("--results", type=Path, default=HERE / "results.csv")
    options = parser.parse_args()
    for path in options.corpora:
        at = {"embedder": options.embedder, "corpus": name_of(path)}
        done = {r["seed"] for r in read_rows(options.results) if at.items() <= r.items()}
        X, truth, own = vectors(path, options)
        for seed in (s for s in range(options.seeds) if str(s) not in done):
            add_rows(
                options.results, KEYS, *({**at, **row} for row in measure(X, truth, own, seed))
            )
    print("\n".join(table(read_rows(options.results))))


if __name__ == "__main__":
    main()
