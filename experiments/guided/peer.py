"""BERTopic's own modes on the same vectors, seeds, names and known labels.

    PEER/bin/python experiments/guided/peer.py FOLDER [SEEDS [RESULTS]]

PEER is an environment with bertopic 0.17.4; FOLDER holds what run.py --vectors wrote.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from bertopic import BERTopic
from bertopic.backend import BaseEmbedder
from umap import UMAP

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.guided.run import (
    KNOWN,
    add,
    f1,
    guided_measures,
    known_measures,
    names_for,
    zeroshot_measures,
)
from experiments.guided.words import SEEDS
from experiments.study import read_rows

RESULTS = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(__file__).parent / "results.csv"


class Stored(BaseEmbedder):
    """Vectors of texts that were embedded before."""

    def __init__(self, texts: list[str], vectors: Any) -> None:
        super().__init__()
        self._rows = dict(zip(texts, vectors, strict=True))

    def embed(self, documents: Any, verbose: bool = False) -> Any:
        return np.stack([self._rows[text] for text in documents])


def topics_of(
    about: dict[str, Any], vectors: Any, seed: int, y: Any = None, **settings: Any
) -> Any:
    """The fitted model, and the topic of each document; defaults but for the seed."""
    umap = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=seed)
    stored = Stored([*about["texts"], *about["phrases"]], vectors)
    model = BERTopic(umap_model=umap, embedding_model=stored, **settings)
    n = len(about["texts"])
    topics, _ = model.fit_transform(about["texts"], vectors[:n].copy(), y=y)
    return model, np.array(topics)


def best_topic(truth: Any, found: Any, label: str) -> int:
    return max(np.unique(found[found >= 0]), key=lambda topic: f1(truth, found, label, topic))


def main() -> None:
    """Every method that is missing, on every corpus of the folder."""
    for path in sorted(Path(sys.argv[1]).glob("*.npz")):
        corpus = path.name.partition(".")[0]
        about = json.loads(path.with_suffix(".json").read_text())
        vectors = np.load(path)["vectors"]
        truth = np.array(about["labels"])
        numbers = np.unique(truth, return_inverse=True)[1]
        done = {(r["method"], r["corpus"], int(r["seed"])) for r in read_rows(RESULTS)}
        for seed in range(int(sys.argv[2]) if len(sys.argv) > 2 else 5):
            if ("BERTopic guided", corpus, seed) in done:
                continue
            _, plain = topics_of(about, vectors, seed)
            seeds = SEEDS[corpus]
            _, found = topics_of(about, vectors, seed, seed_topic_list=list(seeds.values()))
            # It gives no topic the name of its seeds: the best topic is taken, to its advantage.
            best = [best_topic(truth, found, label) for label in seeds]
            names = [""] * (int(found.max()) + 1)
            for label, topic in zip(seeds, best, strict=True):
                names[topic] = label
            add(RESULTS, "BERTopic guided", corpus, seed,
                guided_measures(truth, list(seeds), plain, found, names))  # fmt: skip
            is_known = np.random.default_rng(seed).random(len(truth)) < KNOWN
            _, found = topics_of(about, vectors, seed, y=np.where(is_known, numbers, -1).tolist())
            add(RESULTS, "BERTopic known", corpus, seed,
                known_measures(truth, is_known, plain, found))  # fmt: skip
            for part in ("zeroshot half", "zeroshot all"):
                given = names_for(corpus, part)
                model, found = topics_of(
                    about, vectors, seed, zeroshot_topic_list=list(given.values())
                )
                labels = model.topic_labels_
                topics = [labels.get(t, "") for t in range(int(found.max()) + 1)]
                add(RESULTS, f"BERTopic {part}", corpus, seed,
                    zeroshot_measures(truth, given, found, topics))  # fmt: skip


if __name__ == "__main__":
    main()
