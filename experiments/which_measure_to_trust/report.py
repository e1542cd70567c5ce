"""Tables of the study from runs.csv and pairs.csv.

python experiments/which_measure_to_trust/report.py                # what the rule was made on
python experiments/which_measure_to_trust/report.py --last         # those that came after it
python experiments/which_measure_to_trust/report.py --setting kmeans_auto
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import command_line, read_rows

HERE = Path(__file__).parent
FAMILIES = {
    "words": ("tfidf", "lsa_100", "lsa_10"),
    "glove": ("glove_mean", "glove_tfidf", "glove_sif", "glove_max"),
    "minilm": ("minilm", "minilm_16d", "minilm_max", "minilm_cls"),
    "spacy": ("spacy_md",),
    "model2vec": ("model2vec",),
    "use": ("use_multilingual",),
    "mpnet": ("mpnet",),
    "e5": ("e5_small",),
}
# The kinds of runner.leaderboard.choice. MiniLM pooled otherwise or cut is of no kind.
KINDS_KNOWN = {
    "sentences": ("minilm", "use_multilingual", "mpnet", "e5_small"),
    "word vectors": (
        "glove_mean",
        "glove_tfidf",
        "glove_sif",
        "glove_max",
        "spacy_md",
        "model2vec",
    ),
    "word counts": ("tfidf", "lsa_100", "lsa_10"),
}
# By the embedders' reputation, that is their place on public leaderboards, best first.
REPUTATION = (
    "mpnet e5_small minilm minilm_cls minilm_max use_multilingual minilm_16d model2vec glove_sif "
    "glove_tfidf spacy_md glove_mean lsa_100 tfidf glove_max lsa_10"
).split()
FLOODED = (*FAMILIES["glove"], "tfidf", "minilm", "use_multilingual")
WEAK = tuple(e for e in REPUTATION if e not in ("mpnet", "minilm", "use_multilingual"))
DRAWS = 200
CHOICE = "choice_score"
SEVEN = "tfidf lsa_100 model2vec glove_mean spacy_md use_multilingual minilm".split()
PUBLISHED = tuple(
    e for kind in KINDS_KNOWN.values() for e in kind if e not in ("glove_max", "lsa_10")
)


class Corpus:
    """The runs of one corpus and setting, as arrays by embedder."""

    def __init__(self, name: str, rows: list[dict[str, str]], pairs: list[dict[str, str]]) -> None:
        self.name = name
        self.embedders = [row["embedder"] for row in rows]
        place = {e: i for i, e in enumerate(self.embedders)}
        self.values = {
            key: np.array([float(row[key] or "nan") for row in rows])
            for key in rows[0]
            if key not in ("corpus", "embedder", "setting")
        }
        self.agreement, self.overlap = np.eye(len(rows)), np.eye(len(rows))
        self.error = np.zeros((len(rows), len(rows)))
        self.values["prior"] = np.full(len(rows), np.nan)  # see add_priors
        for pair in pairs:
            i, j = place[pair["a"]], place[pair["b"]]
            self.agreement[i, j] = self.agreement[j, i] = float(pair["ami"])
            self.overlap[i, j] = self.overlap[j, i] = float(pair["overlap"])
            self.error[i, j] = self.error[j, i] = float(pair["words_error"])

    def pool(self, names: Any) -> list[int]:
        return [i for i, e in enumerate(self.embedders) if e in set(names)]


def beyond_measures(corpora: Iterable[Corpus]) -> dict[str, float]:
    """How much further above others an embedder was by labels than by measures, over the corpora.

    Among the embedders that are unspoilt.
    """
    from runner.leaderboard.choice import choice_score

    by_embedder: dict[str, list[float]] = {}
    for c in corpora:
        (pool,) = pools(c, "unspoilt")
        ami = c.values["ami"][pool]
        estimated = choice_score(*three(c, pool), n_topics=c.values["topics"][pool])
        for i, value in zip(pool, ami - ami.mean() - estimated, strict=True):
            by_embedder.setdefault(c.embedders[i], []).append(float(value))
    return {e: float(np.mean(values)) for e, values in by_embedder.items()}


def of_kind(found: dict[str, float], kind: Iterable[str], without: str = "") -> float:
    return float(np.mean([found[e] for e in kind if e in found and e != without]))


def add_priors(corpora: list[Corpus]) -> None:
    """What is known of an embedder's kind on the other corpora, and from the kind's others."""
    for c in corpora:
        elsewhere = beyond_measures(other for other in corpora if other is not c)
        for kind in KINDS_KNOWN.values():
            for e in set(kind) & set(c.embedders):
                c.values["prior"][c.embedders.index(e)] = of_kind(elsewhere, kind, without=e)


def add_released_priors(corpora: list[Corpus]) -> None:
    """What choice_score knows of an embedder's kind: from none of these corpora."""
    from runner.leaderboard.choice import SENTENCES, WORD_COUNTS, WORD_VECTORS

    priors = (SENTENCES, WORD_VECTORS, WORD_COUNTS)
    for kind, prior in zip(KINDS_KNOWN.values(), priors, strict=True):
        for c in corpora:
            c.values["prior"][c.pool(kind)] = prior


def three(c: Corpus, pool: list[int]) -> list[Any]:
    """words, halves and consensus among a pool."""
    return [c.values["words"][pool], c.values["halves"][pool], agreed(c, pool)]


def agreed(c: Corpus, pool: list[int]) -> Any:
    from runner.leaderboard.choice import consensus

    at = np.ix_(pool, pool)
    return consensus(c.agreement[at], c.overlap[at])


def score_before(c: Corpus, pool: list[int]) -> Any:
    """choice_score as it was until seventeen corpora were known, with its priors of eleven."""
    good = [v for v in three(c, pool) if np.isfinite(v).all() and v.std() > 1e-12]
    z = np.array([(v - v.mean()) / v.std() for v in good])
    score = (np.clip(z, -1, 1) + 1e-3 * z).mean(axis=0)
    for kind, prior in zip(KINDS_KNOWN.values(), (0.20, -0.06, -0.02), strict=True):
        known = np.array([c.embedders[i] in kind for i in pool])
        score = np.where(known, 0.6 * score + 0.4 * np.clip(prior / 0.15, -1, 1), score)
    return score


def rules() -> dict[str, Callable[[Corpus, list[int]], Any]]:
    """For a corpus and a pool, a score of each embedder in it; the highest is picked."""
    from runner.leaderboard.choice import choice_score, consensus

    def value(name: str, sign: float = 1) -> Callable[[Corpus, list[int]], Any]:
        return lambda c, pool: sign * c.values[name][pool]

    def reputation(c: Corpus, pool: list[int]) -> Any:
        return np.array([-float(REPUTATION.index(c.embedders[i])) for i in pool])

    def plain(c: Corpus, pool: list[int]) -> Any:
        among = c.agreement[np.ix_(pool, pool)]
        return (among.sum(axis=1) - 1) / (len(pool) - 1)

    def of_neighbors(c: Corpus, pool: list[int]) -> Any:
        overlap = c.overlap[np.ix_(pool, pool)]
        return consensus(overlap, overlap)

    def plain_mean(c: Corpus, pool: list[int]) -> Any:
        good = [v for v in three(c, pool) if np.isfinite(v).all() and v.std() > 0]
        return np.mean([(v - v.mean()) / v.std() for v in good], axis=0)

    def combined(c: Corpus, pool: list[int], prior: bool = True) -> Any:
        priors = c.values["prior"][pool] if prior else None
        return choice_score(*three(c, pool), prior=priors, n_topics=c.values["topics"][pool])

    return {
        "NPMI": value("npmi"),
        "silhouette": value("silhouette"),
        "topic diversity": value("diversity"),
        "lexical lift": value("lexical_lift"),
        "effective rank": value("effective_rank"),
        "intrinsic dimension": value("intrinsic_dimension"),
        "hubness, least": value("hubness", -1),
        "words": value("words"),
        "halves": value("halves"),
        "consensus, all votes equal": plain,
        "consensus": agreed,
        "consensus on neighbours": of_neighbors,
        "words + halves + consensus, plain z-scores": plain_mean,
        "choice_score as it was before": score_before,
        "choice_score, kinds unknown": lambda c, pool: combined(c, pool, prior=False),
        CHOICE: combined,
        "reputation": reputation,
        "with labels: neighbours' accuracy": value("neighbor_accuracy"),
    }


def read(setting: str, which: str = "seen") -> list[Corpus]:
    """Corpora, with priors that come from none of them.

    which : `seen`, those that the rule was made on (priors of a corpus from the others); `first`
        and `later`, of these the first eleven and the six that came later; `last`, those that
        came after the rule (priors as released); `every`
    """
    from experiments.which_measure_to_trust.vectors import CORPORA, LAST, LATER

    seen, last = load(setting, [*CORPORA, *LATER]), load(setting, LAST)
    add_priors(seen)
    add_released_priors(last)
    names = {"first": CORPORA, "later": LATER, "last": LAST, "seen": [*CORPORA, *LATER]}
    return [c for c in (*seen, *last) if which == "every" or c.name in names[which]]


def load(setting: str, names: Iterable[str]) -> list[Corpus]:
    """The corpora of these names, without priors."""
    runs, pairs = (
        [row for row in read_rows(HERE / name) if row["setting"] == setting]
        for name in ("runs.csv", "pairs.csv")
    )
    return [
        Corpus(
            name,
            [row for row in runs if row["corpus"] == name],
            [pair for pair in pairs if pair["corpus"] == name],
        )
        for name in names
        if any(row["corpus"] == name for row in runs)
    ]


def pools(corpus: Corpus, kind: str) -> list[list[int]]:
    """The pools of embedders of a kind."""
    rng = np.random.default_rng(0)
    r = len(corpus.embedders)
    if kind == "all":
        return [[*range(r)]]
    if kind == "five at random":
        return [np.sort(rng.choice(r, 5, replace=False)).tolist() for _ in range(DRAWS)]
    if kind == "one a family":
        return [
            sorted(i for f in FAMILIES.values() if (m := corpus.pool(f)) for i in [rng.choice(m)])
            for _ in range(DRAWS)
        ]
    named = {
        "flooded by GloVe": FLOODED,
        "without the strong ones": WEAK,
        "seven that are tried": SEVEN,
        "unspoilt": PUBLISHED,
        "these and e5_small": (*SEVEN, "e5_small"),
    }
    return [corpus.pool(named[kind])]


KINDS = (
    "all",
    "five at random",
    "one a family",
    "flooded by GloVe",
    "without the strong ones",
    "seven that are tried",
    "unspoilt",
)


def regret(corpus: Corpus, pool: list[int], scores: Any) -> float:
    ami = corpus.values["ami"][pool]
    return float(ami.max() - ami[np.nanargmax(scores)]) if np.isfinite(scores).any() else np.nan


def kendall(corpus: Corpus, pool: list[int], scores: Any) -> float:
    from scipy.stats import kendalltau

    good = np.isfinite(scores)
    return float(kendalltau(scores[good], corpus.values["ami"][pool][good]).statistic)


def in_top_two(corpus: Corpus, pool: list[int], scores: Any) -> float:
    ami = corpus.values["ami"][pool]
    return float((ami > ami[np.nanargmax(scores)]).sum() < 2)


def interval(values: Any) -> str:
    """95 % bootstrap interval of the mean over corpora."""
    rng = np.random.default_rng(0)
    draws = rng.choice(values, (10_000, len(values))).mean(axis=1)
    return f"{np.quantile(draws, 0.025):.3f} to {np.quantile(draws, 0.975):.3f}"


def table_of_picks(corpora: list[Corpus]) -> Iterator[str]:
    """choice_score beside what needs no look at the documents, and NPMI: only pools with minilm."""
    yield (
        "| embedders compared | corpora | picked by | regret | interval | worst | in the top two "
        "| regret more than that of choice_score | interval |"
    )
    yield "|---|---:|---|---:|---|---:|---:|---:|---|"
    every = rules()
    picks = {name: every[name] for name in (CHOICE, "choice_score as it was before")}
    picks["always minilm"] = lambda c, pool: np.array(
        [float(c.embedders[i] == "minilm") for i in pool]
    )
    picks |= {name: every[name] for name in ("reputation", "NPMI")}
    for kind in ("seven that are tried", "these and e5_small", "unspoilt", "all"):
        having = [c for c in corpora if "e5_small" in c.embedders or kind != "these and e5_small"]
        if not having:
            continue
        own: Any = None
        for name, rule in picks.items():
            found = [(c, pool, rule(c, pool)) for c in having for pool in pools(c, kind)]
            regrets = np.array([regret(*each) for each in found])
            tops = sum(in_top_two(*each) for each in found)
            own = regrets if own is None else own
            yield (
                f"| {kind} | {len(having)} | {name} | {regrets.mean():.3f} | {interval(regrets)} "
                f"| {regrets.max():.3f} | {tops:.0f} | {(regrets - own).mean():+.3f} "
                f"| {interval(regrets - own)} |"
            )


def table_of_rules(corpora: list[Corpus]) -> Iterator[str]:
    every = rules()
    yield (
        "| pick by | tau | top two | regret | interval | worst | "
        + " | ".join(f"regret, {kind}" for kind in KINDS[1:])
        + " |"
    )
    yield "|---|---:|---:|---:|---|---:|" + "---:|" * (len(KINDS) - 1)
    by_rule: dict[str, Any] = {}
    random = {
        kind: [
            np.mean([c.values["ami"][p].max() - c.values["ami"][p].mean() for p in pools(c, kind)])
            for c in corpora
        ]
        for kind in KINDS
    }
    yield line("at random", 0.0, np.nan, random)
    for name, rule in every.items():
        regrets = {
            kind: [
                float(np.mean([regret(c, p, rule(c, p)) for p in pools(c, kind)])) for c in corpora
            ]
            for kind in KINDS
        }
        whole = [[*range(len(c.embedders))] for c in corpora]
        if any(np.isnan(regrets["all"])):
            continue
        tau = np.mean([kendall(c, p, rule(c, p)) for c, p in zip(corpora, whole, strict=True)])
        top = np.mean([in_top_two(c, p, rule(c, p)) for c, p in zip(corpora, whole, strict=True)])
        by_rule[name] = regrets["all"]
        yield line(name, float(tau), float(top), regrets)
    for always in ("minilm", "mpnet", "use_multilingual", "tfidf"):
        having = [c for c in corpora if always in c.embedders]
        if len(having) == len(corpora):
            regrets = [
                float(c.values["ami"].max() - c.values["ami"][c.embedders.index(always)])
                for c in corpora
            ]
            by_rule[f"always {always}"] = regrets
            yield line(f"always {always}", np.nan, np.nan, {"all": regrets})
    yield ""
    best = by_rule.get(CHOICE)
    if best:
        yield "| regret more than that of choice_score | mean | 95 % interval over corpora |"
        yield "|---|---:|---|"
        for name, regrets in by_rule.items():
            difference = np.array(regrets) - np.array(best)
            yield f"| {name} | {difference.mean():+.3f} | {interval(difference)} |"


def line(name: str, tau: float, top: float, regrets: dict[str, list[float]]) -> str:
    def cell(value: float, digits: int = 3) -> str:
        return "" if np.isnan(value) else f"{value:.{digits}f}"

    others = [cell(float(np.mean(regrets[kind]))) if kind in regrets else "" for kind in KINDS[1:]]
    every = np.array(regrets["all"])
    return (
        f"| {name} | {cell(tau, 2)} | {'' if np.isnan(top) else f'{100 * top:.0f} %'} "
        f"| {every.mean():.3f} | {interval(every)} | {every.max():.3f} | "
        + " | ".join(others)
        + " |"
    )


def table_of_corpora(corpora: list[Corpus]) -> Iterator[str]:
    """What is recommended of the seven that are tried."""
    rule = rules()[CHOICE]
    yield "| corpus | best | AMI | recommended | AMI | regret | second | minilm |"
    yield "|---|---|---:|---|---:|---:|---|---:|"
    for c in corpora:
        pool = c.pool(SEVEN)
        scores, ami = rule(c, pool), c.values["ami"][pool]
        names = [c.embedders[i] for i in pool]
        best, (picked, second) = int(ami.argmax()), np.argsort(-scores)[:2]
        yield (
            f"| {c.name} | {names[best]} | {ami[best]:.3f} | {names[picked]} | {ami[picked]:.3f} "
            f"| {ami[best] - ami[picked]:.3f} | {names[second]} {ami[second]:.3f} "
            f"| {ami[names.index('minilm')]:.3f} |"
        )


def chosen_corpora(description: str | None) -> list[Corpus]:
    """The corpora that the command line names."""
    parser = command_line(description)
    parser.add_argument("--setting", default="leiden_auto")
    for which in ("first", "later", "last", "every"):
        parser.add_argument(f"--{which}", action="store_const", const=which, dest="which")
    options = parser.parse_args()
    return read(options.setting, options.which or "seen")


def main() -> None:
    """Print the tables as Markdown."""
    corpora = chosen_corpora(__doc__)
    for table in (table_of_picks, table_of_corpora, table_of_rules):
        for text in (*table(corpora), ""):
            print(text)


if __name__ == "__main__":
    main()
