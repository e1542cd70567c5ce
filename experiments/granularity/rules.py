"""Rules for `clusterer.granularity=auto`, compared on what two halves of many corpora agree on.

    python experiments/granularity/rules.py DATA/bbc_news.jsonl.gz --embedder sklearn
    python experiments/granularity/rules.py DATA/*.jsonl.gz --vectors VECTORS
    python experiments/granularity/rules.py        # the tables anew, from curves.csv

For each corpus, embedder and seed curves.csv gets what `auto` sees at each resolution that it
tries (agreement of the halves, modularity), and how near Leiden with that resolution comes to the
labels, which no rule sees. Corpora and vectors are those of run.py.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.granularity import run
from experiments.study import add_rows, name_of, read_rows

HERE = Path(__file__).parent
KEYS = "embedder corpus seed resolution score modularity ami ari topics".split()
HELD_OUT_CORPORA = ("reddit_topical", "cord19_titles")
HELD_OUT_EMBEDDERS = ("use_multilingual",)
MEDIUM = 1.0

Curve = list[dict[str, float]]  # coarsest first


def finest(curve: Curve, tolerance: float = 0.04) -> int:
    """From the best agreement on to finer ones, for as long as they are within the tolerance."""
    scores = [point["score"] for point in curve]
    chosen = best = int(np.argmax(scores))
    while chosen + 1 < len(scores) and scores[chosen + 1] >= scores[best] - tolerance:
        chosen += 1
    return chosen


def sound(curve: Curve, loose: float = 0.06) -> list[int]:
    """Settings whose modularity is at most `loose` below the best."""
    best = max(point["modularity"] for point in curve)
    return [k for k, point in enumerate(curve) if point["modularity"] >= best - loose]


def middle(curve: Curve, tolerance: float = 0.03, loose: float = 0.06, pick: str = "middle") -> int:
    """Of the settings within both tolerances: the middle one around the best, or another."""
    candidates = sound(curve, loose)
    best = max(candidates, key=lambda k: curve[k]["score"])
    agreed = [k for k in candidates if curve[k]["score"] >= curve[best]["score"] - tolerance]
    if pick == "nearest":
        return min(agreed, key=lambda k: abs(np.log(curve[k]["resolution"] / MEDIUM)))
    if pick != "middle":
        return agreed[-1] if pick == "finest" else agreed[len(agreed) // 2]
    first = last = best
    while first - 1 in agreed:
        first -= 1
    while last + 1 in agreed:
        last += 1
    return (first + last + 1) // 2


def mean(curve: Curve) -> int:
    """The tried setting that is nearest to the one that `auto` chooses."""
    from components.clusterers.granularity import weigh

    tried = np.log([point["resolution"] for point in curve])
    return int(np.abs(tried - weigh(curve) @ tried).argmin())


RULES: dict[str, Callable[[Curve], int]] = {
    "resolution 1": lambda curve: [point["resolution"] for point in curve].index(MEDIUM),
    "finest within 0.04 (first rule)": finest,
    "middle one around the best": lambda curve: middle(curve, loose=np.inf),
    "guard, best agreement": lambda curve: middle(curve, tolerance=0),
    "guard, finest within 0.03": lambda curve: middle(curve, pick="finest"),
    "guard, nearest to 1 within 0.04": lambda curve: middle(curve, 0.04, pick="nearest"),
    "guard, middle one of all within 0.03": lambda curve: middle(curve, pick="middle of all"),
    "guard, middle one around the best (second rule)": middle,
    "weighted mean (the default)": mean,
    "the best of those tried (oracle)": lambda curve: int(np.argmax([p["ami"] for p in curve])),
}


def points(study: run.Study, seed: int) -> Iterator[dict[str, Any]]:
    """What `auto` sees at each resolution, and how near that comes to the labels."""
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    from components.clusterers.leiden import LeidenClusterer

    auto = LeidenClusterer(random_state=seed)
    auto.fit_predict(study.X, neighbors=study.stages.neighbors)
    for point in auto.curve_:
        resolution = point["resolution"]
        part = LeidenClusterer(resolution=resolution, random_state=seed)
        labels = part.fit_predict(study.X, neighbors=study.stages.neighbors)
        yield {
            "seed": seed,
            "resolution": resolution,
            "score": round(point["score"], 4),
            "modularity": round(point["modularity"], 4),
            "ami": round(adjusted_mutual_info_score(study.truth, labels), 4),
            "ari": round(adjusted_rand_score(study.truth, labels), 4),
            "topics": len(np.unique(labels[labels >= 0])),
        }


def curves(rows: list[dict[str, str]]) -> dict[tuple[str, str], list[Curve]]:
    """For each embedder and corpus a curve for each seed."""
    by_pair: dict[tuple[str, str], dict[str, Curve]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        point = {key: float(row[key]) for key in KEYS[3:]} | {"n_topics": float(row["topics"])}
        by_pair[row["embedder"], row["corpus"]][row["seed"]].append(point)
    return {pair: list(seeds.values()) for pair, seeds in by_pair.items()}


def reached(seeds: list[Curve], rule: Callable[[Curve], int], key: str = "ami") -> float:
    return statistics.mean(curve[rule(curve)][key] for curve in seeds)


def table(curves_of: dict[tuple[str, str], list[Curve]], rules: dict[str, Any]) -> Iterator[str]:
    """Markdown: mean AMI by embedder, their mean, and the worst corpus beside resolution 1."""
    embedders = list(dict.fromkeys(embedder for embedder, _ in curves_of))
    counts = [sum(e == embedder for e, _ in curves_of) for embedder in embedders]
    heads = [f"{e} ({n})" for e, n in zip(embedders, counts, strict=True)]
    yield f"| rule | {' | '.join(heads)} | mean | mean ARI | worst loss to resolution 1 |"
    yield "|---|" + "---:|" * (len(embedders) + 3)
    for name, rule in rules.items():
        ami, ari = (
            [
                statistics.mean(
                    reached(curves_of[p], rule, key) for p in curves_of if p[0] == embedder
                )
                for embedder in embedders
            ]
            for key in ("ami", "ari")
        )
        plain = RULES["resolution 1"]
        worst = min(reached(seeds, rule) - reached(seeds, plain) for seeds in curves_of.values())
        yield (
            f"| {name} | {' | '.join(f'{value:.3f}' for value in ami)} "
            f"| {statistics.mean(ami):.3f} | {statistics.mean(ari):.3f} | {worst:+.3f} |"
        )


def report(rows: list[dict[str, str]]) -> Iterator[str]:
    curves_of = curves(rows)
    fresh = {
        p for p in curves_of if p[1].startswith(HELD_OUT_CORPORA) or p[0] in HELD_OUT_EMBEDDERS
    }
    for title, pairs in (("Tuned on", curves_of.keys() - fresh), ("Held out", fresh)):
        part = {pair: curves_of[pair] for pair in curves_of if pair in pairs}
        if part:
            yield f"\n{title}\n"
            yield from table(part, RULES)
    tuned = {pair: curves_of[pair] for pair in curves_of if pair not in fresh}
    yield "\nThe two constants, on what they were tuned on\n"
    yield from table(
        tuned,
        {
            f"agreement {tolerance}, modularity {loose}": (
                lambda curve, t=tolerance, m=loose: middle(curve, t, m)
            )
            for tolerance, loose in (
                *((t, 0.06) for t in (0.01, 0.02, 0.03, 0.04, 0.05, 0.06)),
                *((0.03, m) for m in (0.03, 0.04, 0.05, 0.07, 0.08, 0.1, 0.15)),
            )
        },
    )


def main() -> None:
    """Add the curves that are missing, then print the tables."""
    parser = run.parser_of(__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--curves", type=Path, default=HERE / "curves.csv")
    options = parser.parse_args()
    for path in options.corpora:
        at = {"embedder": options.embedder, "corpus": name_of(path)}
        rows = read_rows(options.curves)
        done = {r["seed"] for r in rows if all(r[k] == v for k, v in at.items())}
        todo = [seed for seed in range(options.seeds) if str(seed) not in done]
        if not todo:
            continue
        study = run.Study(path, options)
        for seed in todo:
            add_rows(options.curves, KEYS, *(at | point for point in points(study, seed)))
            print(*at.values(), seed, flush=True)
    if not options.corpora:
        print("\n".join(report(read_rows(options.curves))))


if __name__ == "__main__":
    main()
