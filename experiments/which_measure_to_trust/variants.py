"""Other rules than choice_score, each judged on corpora that had no part in it.

    python experiments/which_measure_to_trust/variants.py [--setting kmeans_auto] [--later]

What a rule takes from labelled corpora (how well an embedder did elsewhere, weights) comes from the
other corpora only: leave one corpus out. The last rows choose the rule itself so. With --later
rules fitted to the first eleven corpora are judged on those of later.py. Reads runs.csv and
pairs.csv; nothing is computed again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]  # the project, where it is not installed

from report import (  # noqa: E402
    REPUTATION,
    Corpus,
    in_top_two,
    interval,
    pools,
    read,
    read_later,
    regret,
)

from runner.leaderboard.choice import consensus  # noqa: E402

Pool = list[int]
Score = Callable[[Corpus, Pool], Any]  # of each embedder in a pool; the highest is picked
Fit = Callable[[Sequence[Corpus]], Score]  # from the other corpora
SEVEN = "tfidf lsa_100 model2vec glove_mean spacy_md use_multilingual minilm".split()
SCALE = 0.15  # in AMI: an embedder that was so much better than most elsewhere counts as +1
POOLS = {
    "all": lambda c: pools(c, "all"),
    "five at random": lambda c: pools(c, "five at random")[:60],
    "one a family": lambda c: pools(c, "one a family")[:60],
    "flooded by GloVe": lambda c: pools(c, "flooded by GloVe"),
    "without the strong ones": lambda c: pools(c, "without the strong ones"),
    "the seven tried": lambda c: [c.pool(SEVEN)],
    "these and mpnet": lambda c: [c.pool([*SEVEN, "mpnet"])],
}


def z(values: Any) -> Any:
    spread = np.nanstd(values)
    return (values - np.nanmean(values)) / spread if spread > 1e-12 else 0 * values


def clipped(values: Any) -> Any:
    return np.clip(z(values), -1, 1)


def bent(values: Any) -> Any:
    return np.tanh(z(values))


def ranks(values: Any) -> Any:
    return z(np.argsort(np.argsort(values)).astype(float))


def measures(c: Corpus, pool: Pool) -> Any:
    """words, halves and consensus of a pool, those that the setting has: (measures, embedders)."""
    at = np.ix_(pool, pool)
    agreed = consensus(c.agreement[at], c.overlap[at])
    rows = [c.values["words"][pool], c.values["halves"][pool], agreed]
    return np.array([row for row in rows if np.isfinite(row).all()])


def mean(change: Callable[[Any], Any], weight: float = 1.0) -> Score:
    """Mean of the changed measures, consensus with a weight; equal ones by their plain z-scores."""

    def score(c: Corpus, pool: Pool) -> Any:
        rows = measures(c, pool)
        weights = np.array([1.0] * (len(rows) - 1) + [weight])
        changed = np.array([change(row) for row in rows])
        plain = np.array([z(row) for row in rows])
        return weights @ (changed + 1e-3 * plain) / weights.sum()

    return score


def median(c: Corpus, pool: Pool) -> Any:
    rows = np.array([z(row) for row in measures(c, pool)])
    return np.median(rows, axis=0) + 1e-3 * rows.mean(axis=0)


def least(c: Corpus, pool: Pool) -> Any:
    rows = np.array([z(row) for row in measures(c, pool)])
    return rows.min(axis=0) + 1e-3 * rows.mean(axis=0)


def alone(c: Corpus, pool: Pool) -> Any:
    return measures(c, pool)[-1]


def deviations(others: Sequence[Corpus]) -> dict[str, float]:
    """How much better than others an embedder did elsewhere: mean AMI less the corpus' mean."""
    by_embedder: dict[str, list[float]] = {}
    for c in others:
        ami = dict(zip(c.embedders, c.values["ami"], strict=True))
        usual = np.mean([value for e, value in ami.items() if e != "mpnet"])  # not on all corpora
        for e, value in ami.items():
            by_embedder.setdefault(e, []).append(float(value - usual))
    return {e: float(np.mean(values)) for e, values in by_embedder.items()}


def elsewhere(others: Sequence[Corpus]) -> Score:
    found = deviations(others)
    return lambda c, pool: np.array([found.get(c.embedders[i], 0.0) for i in pool])


def with_prior(
    change: Callable[[Any], Any], weight: float, *, unknown: float = 0.0, scaled: bool = True
) -> Fit:
    """Weighted mean of the three measures, and of how the embedder did elsewhere.

    unknown : share of the embedders, drawn at random, of which nothing is known from elsewhere;
        these are judged by the measures alone
    """

    def fit(others: Sequence[Corpus]) -> Score:
        prior, rule = elsewhere(others), mean(change)

        def score(c: Corpus, pool: Pool) -> Any:
            measured, before = rule(c, pool), prior(c, pool)
            before = np.clip(before / SCALE, -1, 1) if scaled else change(before)
            known = np.random.default_rng(len(pool)).random(len(pool)) >= unknown
            return np.where(known, (3 * measured + weight * before) / (3 + weight), measured)

        return score

    return fit


def ties(margin: float) -> Fit:
    """Of those that the measures do not tell apart from their first, the best elsewhere."""

    def fit(others: Sequence[Corpus]) -> Score:
        prior, rule = elsewhere(others), mean(z)

        def score(c: Corpus, pool: Pool) -> Any:
            first = int(np.argmax(rule(c, pool)))
            means = measures(c, pool).mean(axis=0)
            return np.where(means > means[first] - margin, prior(c, pool), -np.inf)

        return score

    return fit


def regression(others: Sequence[Corpus], penalty: float = 1.0) -> Score:
    """AMI by the measures, each less its mean over the pool: ridge, weights from the others."""
    X, y = [], []
    for c in others:
        rows = measures(c, [*range(len(c.embedders))])
        X.append((rows - rows.mean(axis=1, keepdims=True)).T)
        y.append(c.values["ami"] - c.values["ami"].mean())
    A, b = np.concatenate(X), np.concatenate(y)
    weights = np.linalg.solve(A.T @ A + penalty * np.eye(A.shape[1]), A.T @ b)
    return lambda c, pool: weights @ measures(c, pool)


def fixed(score: Score) -> Fit:
    return lambda others: score


def first_of(*names: str) -> Score:
    def score(c: Corpus, pool: Pool) -> Any:
        order = [names.index(c.embedders[i]) if c.embedders[i] in names else 99 for i in pool]
        return -np.array(order, float)

    return score


MEASURED: dict[str, Fit] = {
    "mean of z (choice_score before)": fixed(mean(z)),
    "ranks": fixed(mean(ranks)),
    "z, at most 1 either way": fixed(mean(clipped)),
    "tanh of z": fixed(mean(bent)),
    "z, consensus twice": fixed(mean(z, 2)),
    "z at most 1, consensus twice": fixed(mean(clipped, 2)),
    "median of z": fixed(median),
    "least of z": fixed(least),
    "consensus alone": fixed(alone),
    "regression": regression,
}
PRIOR: dict[str, Fit] = {
    "elsewhere alone": elsewhere,
    "z + elsewhere": with_prior(z, 1),
    "z + elsewhere twice": with_prior(z, 2),
    "z at most 1 + elsewhere": with_prior(clipped, 1),
    "z at most 1 + elsewhere twice": with_prior(clipped, 2),
    "tanh of z + elsewhere": with_prior(bent, 1),
    "tanh of z + elsewhere twice": with_prior(bent, 2),
    "z at most 1 + elsewhere by z": with_prior(clipped, 1, scaled=False),
    "not apart by .05: elsewhere": ties(0.05),
    "not apart by .10: elsewhere": ties(0.10),
}
UNKNOWN: dict[str, Fit] = {
    "z at most 1 + elsewhere, a third unknown": with_prior(clipped, 1, unknown=1 / 3),
    "z at most 1 + elsewhere, two thirds unknown": with_prior(clipped, 1, unknown=2 / 3),
}
REFERENCE: dict[str, Fit] = {
    "reputation": fixed(first_of(*REPUTATION)),
    "always minilm": fixed(first_of("minilm", "use_multilingual")),
}


def evaluate(
    corpora: Sequence[Corpus], fit: Fit, fitted_to: Sequence[Corpus] | None = None
) -> tuple[Any, Any]:
    """Mean regret and share in the top two, each (kinds of pools, corpora).

    fitted_to : other corpora, from which all that a rule takes from labels comes; None: for each
        corpus the others
    """
    regrets, tops = np.zeros((2, len(POOLS), len(corpora)))
    for j, c in enumerate(corpora):
        score = fit(fitted_to or [other for other in corpora if other is not c])
        for i, kind in enumerate(POOLS.values()):
            scores = [(pool, score(c, pool)) for pool in kind(c)]
            regrets[i, j] = np.mean([regret(c, pool, s) for pool, s in scores])
            tops[i, j] = np.mean([in_top_two(c, pool, s) for pool, s in scores])
    return regrets, tops


def chosen(results: dict[str, tuple[Any, Any]], names: Sequence[str]) -> tuple[Any, Any]:
    """For each corpus the rule that has the least regret, over all pools, on the others."""
    n = next(iter(results.values()))[0].shape[1]
    regrets, tops = np.zeros((2, len(POOLS), n))
    for j in range(n):
        others = np.arange(n) != j
        best = min(names, key=lambda name: results[name][0][:, others].mean())
        regrets[:, j], tops[:, j] = (table[:, j] for table in results[best])
    return regrets, tops


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--setting", default="leiden_auto")
    parser.add_argument("--corpora", action="store_true", help="regret of all on each corpus, too")
    parser.add_argument("--tuning", action="store_true", help="only those not kept aside")
    parser.add_argument("--later", action="store_true", help="judged on the corpora of later.py")
    options = parser.parse_args()
    corpora = [*read(options.setting, False)]
    corpora += [] if options.tuning else read(options.setting, True)
    fitted_to = None
    if options.later:
        fitted_to, corpora = corpora, read_later(options.setting)
    results = {
        name: evaluate(corpora, fit, fitted_to)
        for name, fit in (MEASURED | PRIOR | UNKNOWN | REFERENCE).items()
    }
    if not options.later:
        of_measures = chosen(results, [*MEASURED])
        results["chosen on the other corpora, of the rules by measures"] = of_measures
        every = chosen(results, [*MEASURED, *PRIOR])
        results["chosen on the other corpora, of all rules above"] = every
    before = next(iter(results.values()))[0]
    head = ["pick by", *POOLS, "top two: all", "the seven", "mean of all less before"]
    print(f"| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}")  # noqa: T201
    for name, (regrets, tops) in results.items():
        gain = (regrets - before).mean(axis=0)
        cells = [f"{value:.3f}" for value in regrets.mean(axis=1)]
        cells += [f"{100 * tops[i].mean():.0f} %" for i in (0, 5)]
        cells.append(f"{gain.mean():+.3f} ({interval(gain)})")
        print(f"| {name} | {' | '.join(cells)} |")  # noqa: T201
        if options.corpora:
            by_corpus = zip(corpora, regrets[0], regrets[5], strict=True)
            print("   ", *(f"{c.name} {a:.2f}/{s:.2f}" for c, a, s in by_corpus))  # noqa: T201


if __name__ == "__main__":
    main()
