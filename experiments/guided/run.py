"""Whether seed words, names and known labels do what they say.

    python experiments/guided/run.py DATA/bbc_news.jsonl.gz DATA/20newsgroups.jsonl.gz \
        DATA/ag_news_test.jsonl.gz DATA/stackoverflow_20k.jsonl.gz
    python experiments/guided/run.py DATA/... --vectors FOLDER    # writes them for the peer
    PEER/bin/python experiments/guided/peer.py FOLDER             # in its own environment
    python experiments/guided/run.py                              # the table, from results.csv

A corpus is a JSONL file with the keys "text" and "label", of which 2,000 documents are drawn.
Each run is a row of results.csv (method, corpus, seed, measure, value); one that is there already
is not done again.
"""

from __future__ import annotations

import json
import logging
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.guided.words import NAMES, SEEDS
from experiments.study import add_rows, command_line, name_of, read_corpus, read_rows

HERE = Path(__file__).parent
KEYS = ["method", "corpus", "seed", "measure", "value"]
N_DOCUMENTS = 2000
KNOWN = 0.3  # share of the documents whose label is known
QUICK = ["map=false", "metrics=none", "reports=none"]


def read(path: Path) -> tuple[list[str], list[str]]:
    """Texts and labels of a sample."""
    from components.base import Corpus

    sample = Corpus(*read_corpus(path)).sample(N_DOCUMENTS, 42)
    full = [row for row in range(len(sample)) if not sample.blank[row]]
    assert sample.labels is not None
    return [sample.documents[r] for r in full], [str(sample.labels[r]) for r in full]


def topics_of(texts: list[str], *overrides: str, **given: Any) -> tuple[Any, list[str]]:
    """The topic of each document, and the labels of the topics."""
    from runner import run

    result = run(texts, *QUICK, *overrides, **given)
    return result.labels, [topic.label for topic in result.topics]


def measures(
    method: str, corpus: str, seed: int, texts: list[str], labels: list[str], embedder: str
) -> dict[str, float]:
    """What one method does on one corpus with one seed, and the plain run beside it."""
    options = [f"embedder={embedder}", f"seed={seed}"]
    truth = np.array(labels)
    if method == "known":
        rng = np.random.default_rng(seed)
        is_known = rng.random(len(texts)) < KNOWN
        known = [label if is_ else None for label, is_ in zip(labels, is_known, strict=True)]
        plain, _ = topics_of(texts, *options)
        found, _ = topics_of(texts, *options, known_labels=known)
        return known_measures(truth, is_known, plain, found)
    if method == "guided":
        seeds = SEEDS[corpus]
        plain, _ = topics_of(texts, *options)
        found, names = topics_of(texts, *options, guided={"topics": seeds})
        return guided_measures(truth, list(seeds), plain, found, names)
    if method.startswith("zeroshot"):
        asked = names_for(corpus, method)
        found, topics = topics_of(texts, *options, zeroshot={"topics": list(asked.values())})
        return zeroshot_measures(truth, asked, found, topics)
    raise ValueError(f"no such method: {method}")


def names_for(corpus: str, method: str) -> dict[str, str]:
    """The names by label: of all of them, or of those that have seed words."""
    names = NAMES[corpus]
    return names if method.endswith("all") else {k: names[k] for k in names if k in SEEDS[corpus]}


def ami(truth: Any, topics: Any) -> float:
    from components.agreement import adjusted_mutual_information

    numbers = np.unique(truth, return_inverse=True)[1]
    return adjusted_mutual_information(numbers, np.asarray(topics))


def f1(truth: Any, topics: Any, label: str, topic: int) -> float:
    both = np.sum((truth == label) & (topics == topic))
    return float(2 * both / (np.sum(truth == label) + np.sum(topics == topic)))


def best_f1(truth: Any, topics: Any, label: str) -> float:
    """The F1 of the topic that is most like a label."""
    return max(f1(truth, topics, label, topic) for topic in np.unique(topics[topics >= 0]))


def guided_measures(
    truth: Any, guided: Sequence[str], plain: Any, found: Any, names: Sequence[str]
) -> dict[str, float]:
    """F1 of the guided labels, of the topic under their name, and the AMI of the others."""
    others = ~np.isin(truth, guided)
    named = {name: topic for topic, name in enumerate(names)}
    return {
        "plain F1": statistics.mean(best_f1(truth, plain, label) for label in guided),
        "F1": statistics.mean(
            f1(truth, found, label, named[label]) if label in named else 0.0 for label in guided
        ),
        "plain AMI of others": ami(truth[others], plain[others]),
        "AMI of others": ami(truth[others], found[others]),
    }


def zeroshot_measures(
    truth: Any, names: Mapping[str, str], found: Any, topics: Sequence[str]
) -> dict[str, float]:
    """Of the documents in named topics, how many have that label; and of the labels, how many."""
    label_of = {name: label for label, name in names.items()}
    given = np.array([label_of.get(topic, "") for topic in topics] + [""])[found]
    has = given != ""
    covered = np.isin(truth, list(names))
    values = {
        "share": float(has.mean()),
        "recall": float(np.mean(given[covered] == truth[covered])),
    }
    if has.any():
        values["precision"] = float(np.mean(given[has] == truth[has]))
    return values


def known_measures(truth: Any, is_known: Any, plain: Any, found: Any) -> dict[str, float]:
    rest = ~is_known
    return {"plain AMI": ami(truth[rest], plain[rest]), "AMI": ami(truth[rest], found[rest])}


def export(folder: Path, corpus: str, texts: list[str], labels: list[str], embedder: str) -> None:
    """What the peer needs: vectors of the documents, and of the seeds and names."""
    from runner import run

    folder.mkdir(parents=True, exist_ok=True)
    phrases = [" ".join(words) for words in SEEDS[corpus].values()]
    phrases = list(dict.fromkeys([*phrases, *NAMES[corpus].values()]))
    result = run([*texts, *phrases], *QUICK, f"embedder={embedder}")
    if len(result.rows) < len(result.corpus):
        raise SystemExit(f"{corpus}: the embedder knows no word of some documents.")
    np.savez(folder / f"{corpus}.npz", vectors=result.embeddings[np.argsort(result.rows)])
    about = {"texts": texts, "labels": labels, "phrases": phrases}
    (folder / f"{corpus}.json").write_text(json.dumps(about))


def add(path: Path, method: str, corpus: str, seed: int, values: Mapping[str, float]) -> None:
    at = {"method": method, "corpus": corpus, "seed": seed}
    add_rows(
        path, KEYS, *(at | {"measure": name, "value": value} for name, value in values.items())
    )


def table(rows: list[dict[str, str]]) -> Iterator[str]:
    """A table for each method: a line a corpus, a column a measure, the mean of the seeds."""
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        heads = list(dict.fromkeys(row["measure"] for row in own))
        yield ""
        yield f"| {method} | seeds | {' | '.join(heads)} |"
        yield f"|---|---:|{'---:|' * len(heads)}"
        for corpus in dict.fromkeys(row["corpus"] for row in own):
            cells = []
            for head in heads:
                values = [
                    float(row["value"])
                    for row in own
                    if row["corpus"] == corpus and row["measure"] == head
                ]
                cells.append(f"{statistics.mean(values):.3f}" if values else "")
            seeds = len({row["seed"] for row in own if row["corpus"] == corpus})
            yield f"| {corpus} | {seeds} | {' | '.join(cells)} |"


def main() -> None:
    """Run what is missing, then print the tables."""
    parser = command_line(__doc__)
    parser.add_argument("corpora", nargs="*", type=Path)
    parser.add_argument("--embedder", default="minilm")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="guided,zeroshot half,zeroshot all,known")
    parser.add_argument("--vectors", type=Path, help="write vectors for the peer to this folder")
    parser.add_argument("--results", type=Path, default=HERE / "results.csv")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    for path in options.corpora:
        corpus = name_of(path)
        texts, labels = read(path)
        if options.vectors:
            export(options.vectors, corpus, texts, labels, options.embedder)
        done = {(r["method"], r["corpus"], int(r["seed"])) for r in read_rows(options.results)}
        for method in options.only.split(","):
            for seed in range(options.seeds):
                if (method, corpus, seed) not in done:
                    values = measures(method, corpus, seed, texts, labels, options.embedder)
                    add(options.results, method, corpus, seed, values)
    print("\n".join(table(read_rows(options.results))))


if __name__ == "__main__":
    main()
