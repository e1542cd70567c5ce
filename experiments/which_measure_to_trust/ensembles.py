"""Ensembles of two or more embedders beside the single ones: a row of ensembles.csv for each.

    python experiments/which_measure_to_trust/ensembles.py DATA WORK [--later] [--kinds ...]

WORK is what vectors.py filled, and runs.csv and pairs.csv hold the single runs. Ensembles are
clustered by Leiden at its default granularity, as `embedder=ensemble` does it: all pairs of the
best six by choice_score, the best three, the best of each family, the best two of those that
experiment=choose_embedder tries, which are compared with each other alone, and the members of
`embedder=ensemble` by default. With --later on the corpora of later.py. Kinds that the table has of
a corpus already are not computed again.
"""

from __future__ import annotations

import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import command_line, read_rows
from experiments.which_measure_to_trust.measure import load, rounded, spread, write
from experiments.which_measure_to_trust.report import CHOICE, FAMILIES, SEVEN, read, rules
from experiments.which_measure_to_trust.vectors import CORPORA, LATER, SEED, sample

HERE = Path(__file__).parent
BEST = 6
DEFAULT = ("minilm", "use_multilingual")
KINDS = ("pair", "best three", "one a family", "best two tried", "default")
HEAD = (
    "corpus kind members ami topics words halves consensus joined_ami joined_words joined_halves "
    "best_ami first_ami first_words first_halves first_consensus pool_ami seconds"
).split()


def cluster(X: Any, members: list[Any]) -> tuple[Any, float]:
    """Topics (n,) and the agreement of halves."""
    from components.clusterers.leiden import LeidenClusterer

    clusterer = LeidenClusterer(random_state=SEED)
    labels = clusterer.fit_predict(X, members=members)
    chosen = clusterer.choice_["resolution"]
    return labels, next(p["score"] for p in clusterer.curve_ if p["resolution"] == chosen)


def over_all(X: Any, kept: Any, n: int) -> Any:
    """Vectors of the kept documents among all, the others without a vector."""
    from scipy import sparse

    place = sparse.csr_matrix((np.ones(len(kept)), (kept, np.arange(len(kept)))), (n, len(kept)))
    spread_out = place @ X
    return spread_out.astype(np.float32)


def pools(scores: dict[str, float]) -> dict[str, list[tuple[str, ...]]]:
    """The ensembles of each kind, members in the order of their scores."""
    order = sorted(scores, key=lambda name: -scores[name])
    families = [next(e for e in order if e in family) for family in FAMILIES.values()
                if set(family) & set(order)]  # fmt: skip
    return {
        "pair": list(combinations(order[:BEST], 2)),
        "best three": [tuple(order[:3])],
        "one a family": [tuple(sorted(families, key=order.index))],
    }


def agreed(labels: Any, others: list[Any], weights: Any) -> float:
    """Mean agreement with other embedders' topics, weighted."""
    from components.agreement import adjusted_mutual_information

    values = [adjusted_mutual_information(labels, other) for other in others]
    return float(np.average(values, weights=weights))


def main() -> None:
    """Bring the table up to date."""
    parser = command_line(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--later", action="store_true")
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    options = parser.parse_args()
    from components.base import Corpus, Result
    from components.embedders.ensemble import EnsembleEmbedder
    from components.metrics import labelled, words
    from components.representations.ctfidf import CTFIDF
    from runner.leaderboard.choice import voting_weights

    rule = rules()[CHOICE]
    singles = {c.name: c for c in read("leiden_auto")}
    for corpus in LATER if options.later else CORPORA:
        before = [[*row.values()] for row in read_rows(HERE / "ensembles.csv")]
        done = {row[1] for row in before if row[0] == corpus}
        if not {*options.kinds} - done:
            continue
        runs, single = load(options.work, corpus), singles[corpus]
        texts, labels = sample(options.data, corpus)
        n = len(texts)
        representation = CTFIDF()
        place = {e: i for i, e in enumerate(single.embedders)}
        topics = {e: spread(run["leiden_auto"], run["kept"], n) for e, run in runs.items()}
        vectors = {e: over_all(run["X"], run["kept"], n) for e, run in runs.items()}

        def scored(names: list[str]) -> dict[str, float]:
            found = rule(single, [place[e] for e in names])  # noqa: B023
            return dict(zip(names, found.tolist(), strict=True))

        tried = scored(SEVEN)
        best = tuple(sorted(tried, key=lambda e: -tried[e])[:2])
        every = [
            (kind, members, single.embedders)
            for kind, ensembles in pools(scored(single.embedders)).items()
            for members in ensembles
        ]
        rows = []
        every += [("best two tried", best, [*tried]), ("default", DEFAULT, [*tried])]
        for kind, members, among in every:
            if kind not in options.kinds or kind in done:
                continue
            start = time.process_time()
            parts = [vectors[e] for e in members]
            X = EnsembleEmbedder.join(parts)
            kept = np.flatnonzero(np.asarray(abs(X).sum(axis=1)).ravel() > 0)
            parts, X = [part[kept] for part in parts], X[kept]
            found = {"": cluster(X, parts), "joined_": cluster(X, [])}
            seconds = time.process_time() - start
            values: dict[str, Any] = {}
            for prefix, (own, halves) in found.items():
                every_row = spread(own, kept, n)
                result = Result(Corpus(texts, labels=labels), kept, X, X, every_row, np.ones(n))
                representation.fit([texts[row] for row in kept], own)
                result.parts["representation"] = representation
                values |= {
                    f"{prefix}ami": labelled.ami(result),
                    f"{prefix}words": words.words_ami(result),
                    f"{prefix}halves": halves,
                }
            # Who votes on it is no member; on the first member the same have the same vote.
            at = [place[e] for e in among]
            voting = voting_weights(single.overlap[np.ix_(at, at)])
            others = [i for i, e in enumerate(among) if e not in members]
            weights = np.mean([voting[among.index(e)][others] for e in members], axis=0)
            theirs = [topics[among[i]] for i in others]
            first = place[members[0]]
            rows.append([
                corpus, kind, "+".join(members), values["ami"], len(np.unique(found[""][0])),
                values["words"], values["halves"],
                agreed(spread(found[""][0], kept, n), theirs, weights),
                values["joined_ami"], values["joined_words"], values["joined_halves"],
                max(single.values["ami"][place[e]] for e in members),
                *(single.values[key][first] for key in ("ami", "words", "halves")),
                agreed(topics[members[0]], theirs, weights),
                max(single.values["ami"][place[e]] for e in among), seconds,
            ])  # fmt: skip
        rows = [[rounded(value) for value in row] for row in rows]
        write(HERE / "ensembles.csv", HEAD, before + rows)
        print(corpus, len(rows), flush=True)


if __name__ == "__main__":
    main()
