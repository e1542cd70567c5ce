"""Two halves of a corpus, run apart and merged: whether the right topics become one.

    python experiments/predict/merge.py DATA/bbc_news.jsonl.gz DATA/banking77.jsonl.gz
    python experiments/predict/merge.py DATA/bbc_news.jsonl.gz --embedder minilm --limit 1500
    python experiments/predict/merge.py                   # the tables again, from merges.csv

A corpus is a JSONL file with the keys "text" and "label". Its documents are cut in two:

shared    at random, so that both halves have all labels
third     a third of the labels is in one half alone, a third in the other, a third in both
disjoint  no label is in both halves

Each half is a run with Leiden's defaults. Two topics should become one where most documents of
both have the same label. Each row of merges.csv sums over seeds.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.predict.run import ami, result_of
from experiments.predict.update import read
from experiments.study import add_rows, command_line, name_of, read_rows

RESULTS = Path(__file__).with_name("merges.csv")
CUTS = ("shared", "third", "disjoint")
SIMILARITIES = (0.4, 0.5, 0.6, 0.7, 0.8)
KEYS = "corpus embedder cut rule similarity seeds merged right possible ami_gain".split()


def halves(labels: list[str], cut: str, seed: int) -> tuple[Any, Any]:
    """The rows of both halves."""
    rng = np.random.default_rng(seed)
    truth = np.array(labels)
    names = rng.permutation(np.unique(truth))
    coin = rng.random(len(truth)) < 0.5
    if cut == "shared":
        return np.flatnonzero(coin), np.flatnonzero(~coin)
    if cut == "disjoint":
        in_first = np.isin(truth, names[: len(names) // 2])
        return np.flatnonzero(in_first), np.flatnonzero(~in_first)
    third = max(1, len(names) // 3)
    first, second = (np.isin(truth, names[s : s + third]) for s in (0, third))
    both = ~(first | second)
    return np.flatnonzero(first | (both & coin)), np.flatnonzero(second | (both & ~coin))


def study(texts: list[str], labels: list[str], X: Any, cut: str, seed: int) -> Iterator[Any]:
    """Rule, similarity, and what it makes of one corpus cut in two."""
    from components.clusterers.leiden import LeidenClusterer
    from components.model.fit import fit
    from components.reducers.identity import Identity
    from components.representations.ctfidf import CTFIDF

    rows = halves(labels, cut, seed)
    make = Identity, partial(LeidenClusterer, random_state=seed)
    results = [
        result_of(X[part], [texts[row] for row in part], make, CTFIDF(language="en", clean=False))
        for part in rows
    ]
    truth = np.unique(np.array(labels), return_inverse=True)[1]
    main = [
        [np.bincount(truth[part][result.labels == t]).argmax() for t in range(len(result.topics))]
        for part, result in zip(rows, results, strict=True)
    ]
    right = np.array(main[0])[:, None] == np.array(main[1])
    # One topic goes with one: of a label, as many as the half has that has fewer.
    possible = sum(min(main[0].count(label), main[1].count(label)) for label in set(main[0]))
    expected = truth[np.concatenate(rows)]
    apart = ami(expected, joined(results, [], []))
    for rule, agreement in rules(*(fit(result) for result in results)).items():
        for similarity in SIMILARITIES:
            first, second = pairs(agreement, similarity)
            yield (
                rule,
                similarity,
                {
                    "merged": len(first),
                    "right": int(right[first, second].sum()),
                    "possible": possible,
                    "ami_gain": ami(expected, joined(results, first, second)) - apart,
                },
            )


def rules(first: Any, second: Any) -> dict[str, Any]:
    """How far topics of two models agree, (a, b), by the ways that were tried."""
    from components.model.merge import topic_similarity, word_similarity

    centroids = [model.arrays["centroids"].astype(np.float64) for model in (first, second)]
    vectors = topic_similarity(*centroids)
    words = word_similarity(first.topics, second.topics)
    return {
        "cosine": centroids[0] @ centroids[1].T,
        "vectors": vectors,
        "words": words,
        "mean": (vectors + words) / 2,
        "product": np.sqrt(vectors * words),
    }


def pairs(agreement: Any, similarity: float) -> tuple[Any, Any]:
    """Topics of which each is the other's nearest."""
    rows, columns = np.arange(len(agreement)), agreement.argmax(axis=1)
    is_same = agreement.argmax(axis=0)[columns] == rows
    is_same &= agreement[rows, columns] >= similarity
    return rows[is_same], columns[is_same]


def joined(results: list[Any], first: Any, second: Any) -> Any:
    """Topics of the documents of both halves."""
    n = len(results[0].topics)
    numbers = n + np.arange(len(results[1].topics) + 1)
    numbers[-1] = -1  # of documents in no topic
    numbers[second] = first
    return np.concatenate([results[0].labels, numbers[results[1].labels]])


def table() -> str:
    """Sums over corpora of each embedder, rule and similarity, as Markdown."""
    groups: dict[Any, list[dict[str, str]]] = defaultdict(list)
    for row in read_rows(RESULTS):
        groups[row["rule"], row["similarity"], row["embedder"]].append(row)
    cuts = " | ".join(f"{cut}: right, wrong" for cut in CUTS)
    lines = [f"| rule | similarity | embedder | precision | recall | F1 | {cuts} | ami |"]
    lines.append("|---|---:|---|---:|---:|---:|---:|---:|---:|---:|")
    for key, group in sorted(groups.items()):
        merged, right, possible = (
            sum(int(row[name]) for row in group) for name in ("merged", "right", "possible")
        )
        cells = []
        for cut in CUTS:
            of_cut = [row for row in group if row["cut"] == cut]
            good = sum(int(row["right"]) for row in of_cut)
            cells.append(f"{good}, {sum(int(row['merged']) for row in of_cut) - good}")
        gain = np.mean([float(row["ami_gain"]) / int(row["seeds"]) for row in group])
        f1 = 2 * right / max(1, merged + possible)
        lines.append(
            f"| {' | '.join(key)} | {right / max(1, merged):.2f} | {right / max(1, possible):.2f} "
            f"| {f1:.2f} | {' | '.join(cells)} | {gain:+.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("corpora", nargs="*", type=Path)
    parser.add_argument("--embedder", choices=["model2vec", "minilm"], default="model2vec")
    parser.add_argument("--limit", type=int, default=4000)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    for path in options.corpora:
        texts, labels, X = read(path, options.limit, options.embedder)
        head = {"corpus": name_of(path), "embedder": options.embedder, "seeds": options.seeds}
        for cut in CUTS:
            sums: dict[Any, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
            for seed in range(options.seeds):
                for rule, similarity, values in study(texts, labels, X, cut, seed):
                    for name, value in values.items():
                        sums[rule, similarity][name] += value
            for (rule, similarity), values in sums.items():
                row = head | {"cut": cut, "rule": rule, "similarity": similarity} | values
                add_rows(RESULTS, KEYS, row)
    print(table())


if __name__ == "__main__":
    main()
