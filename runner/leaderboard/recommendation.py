"""Which embedder a sweep recommends, in a sentence that claims no more than was measured.

How often such sentences are right was measured on labelled corpora, in
experiments/which_measure_to_trust: a recommended embedder whose choice_score is `APART` above
another's agreed better with the labels in `RIGHT` of ten pairs.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.leaderboard.comparison import Comparison
from runner.leaderboard.labelled import LabelledDifference
from runner.leaderboard.ranking import Ranking, Row, members_of
from runner.terminal.suggestions import shell_line

PRESET = "choose_embedder"  # the sweep on a sample
MEASURES = ("words_ami", "stability", "consensus")
APART = 0.10  # in choice_score, which is an estimate of AMI
RIGHT = 9  # of ten pairs
NOTICED = 0.02  # lead in the mean of the measures from which on it is said who is first by them
FEW = 0.5  # of the recommended embedder's topics, from which on another's are called few
MOST_LABELS = 100_000  # nobody labels more to tell two embedders apart
LEAST_SECONDS = 5.0  # below, it is loading and chance that differ
FOLLOWS_WORDS = 0.25  # by which words_ami exceeds consensus where wording separates the documents
CONFIRMED = 0.8  # of the greatest consensus, from which a run counts as confirmed by the others


@dataclass(frozen=True)
class Recommendation:
    """An embedder, and a sentence on how it compares with the others.

    embedder : as it was typed, None where the runs do not support a choice
    alike : rows that cannot be told apart from the recommended one, it among them
    points : the sentence in its parts, one for each statement
    next : what to type, or to open, for the topics of the recommended embedder
    """

    embedder: str | None
    sentence: str
    alike: list[Row] = field(default_factory=list)
    points: tuple[str, ...] = ()
    next: str = ""

    @property
    def text(self) -> str:
        """For the terminal: the embedder, and a line for each statement."""
        if not self.embedder:
            return self.sentence
        lines = [*self.points, f"Its topics: {self.next}"] if self.next else self.points
        return "\n".join([f"Recommended: {self.embedder}", *(f"  {line}" for line in lines)])

    def on(self, sample: str) -> Recommendation:
        """The same, with the sample that it rests on in front."""
        points = (f"{sample} {self.points[0]}", *self.points[1:]) if self.points else ()
        return replace(self, sentence=f"{sample} {self.sentence}", points=points)


def recommend(ranking: Ranking, comparison: Comparison | None = None) -> Recommendation | None:
    """What to say of a sweep; None where it compares no embedders.

    An ensemble is never recommended beside single embedders: it is told whether it looks better.

    Where the documents have labels, those decide which embedder is recommended; what the other
    measures say is told beside it. Only where the runs differ in the embedder and its settings,
    and in seeds: the study varied nothing else.
    """
    rows = [row for row in ranking.rows if "choice_score" in row.metrics]
    # An ensemble is no answer to which embedder suits the documents, unless it is all there is.
    single = [row for row in rows if not members_of(row.runs[0])]
    ensembles = [row for row in rows if members_of(row.runs[0])]
    if len(single) > 1:
        rows = single
    else:
        ensembles = []
    if "embedder" not in ranking.settings or len(rows) < 2:
        return None
    if others := [name for name in ranking.settings if name.partition(".")[0] != "embedder"]:
        return Recommendation(None, _why_none(others, ranking))
    rows = sorted(rows, key=lambda row: -row.metrics["choice_score"].mean)
    best = rows[0]
    # Two runs are each other's only vote: consensus then says nothing of the one or the other.
    measures = MEASURES if len(rows) > 2 else MEASURES[:2]
    used = tuple(name for name in measures if all(name in row.metrics for row in rows))
    if not used:
        return None
    score = {id(row): row.metrics["choice_score"].mean for row in rows}
    behind = {id(row): score[id(best)] - score[id(row)] for row in rows[1:]}
    near = [row for row in rows[1:] if behind[id(row)] < APART]
    far = [row for row in rows[1:] if behind[id(row)] >= APART]
    measured = ", ".join(f"{name} {best.metrics[name].mean:.2f}" for name in used)
    sentences = [f"{best.name} has the highest choice_score ({measured})."]
    sentences += _not_by_measures_alone(best, rows, used)
    if near:
        verb = "cannot be told apart from it on these documents"
        sentences.append(f"{_listed([_with_speed(row, best) for row in near])} {verb}.")
    if far:
        listed = [f"{_with_speed(row, best)} by {behind[id(row)]:.2f}" for row in far]
        sentences.append(
            f"Behind it, in the AMI that choice_score estimates: {_listed(listed)}; such "
            f"differences agreed with labels in about {RIGHT} of 10 pairs."
        )
    if len(used) < len(MEASURES) and len(rows) > 2:
        missing = [name for name in MEASURES if name not in used]
        sentences.append(f"Without {_listed(missing)} this is less certain than the study says.")
    if {"words_ami", "consensus"} <= {*used} and _follows_words(best, rows):
        sentences.append(
            "Its topics follow the documents' wording, and the other embedders do not confirm "
            "them: look at the topics before you trust the order."
        )
    chosen, alike = best, [best, *near]
    if all("ami" in row.metrics for row in rows):  # labels are better evidence than the rest
        chosen, second, *_ = sorted(rows, key=lambda row: -row.metrics["ami"].mean)
        apart = comparison and comparison.by_labels(chosen.runs[0], second.runs[0])
        alike = [chosen] if apart and apart.is_certain else [chosen, second]
        sentences = [
            f"By the labels, {chosen.name} is first (AMI {chosen.metrics['ami'].mean:.2f}) and "
            f"{second.name} second ({second.metrics['ami'].mean:.2f})."
            + (_certainty(apart) if apart else ""),
            f"Without them, {' '.join(sentences)}",
        ]
    sentences += _together(chosen, ensembles, comparison)
    return Recommendation(
        chosen.settings["embedder"], " ".join(sentences), alike, tuple(sentences), _next(chosen)
    )


def _next(row: Row) -> str:
    """What shows a run's topics: its page, or the command of one that has a page.

    After `choose_embedder`, whose runs have none, with all documents where nobody set a limit.
    """
    tags = row.runs[0].tags
    words = shlex.split(tags.get("command", ""))[3:]  # after python -m runner
    if f"experiment={PRESET}" not in words:
        page = Path(tags.get("folder", "")) / "report.html"
        return str(page) if page.is_file() else ""
    left_out = ["experiment=", "choose.", "quick="]
    if any(word.startswith("choose.grows=") for word in words):
        left_out.append("dataset.limit=")
    return shell_line("", *(word for word in words if not word.startswith(tuple(left_out))))


def _why_none(others: list[str], ranking: Ranking) -> str:
    """Why no embedder is recommended where the runs differ in other settings too."""
    if all(name.partition(".")[0] == "dataset" for name in others):
        return (
            "No recommendation: the runs are of different documents. For one, sweep the embedders "
            "on one data set."
        )
    by_labels = ranking.sort == "ami"
    return (
        f"No recommendation: the runs differ in {', '.join(others)} as well as in the embedder, "
        "and choice_score is known to compare embedders only."
        + (
            " Go by the labels: the table is sorted by ami."
            if by_labels
            else " For one, sweep the embedders alone."
        )
    )


def _not_by_measures_alone(best: Row, rows: list[Row], used: tuple[str, ...]) -> list[str]:
    """Whether another would be first by the mean of the measures, and what speaks against it."""
    first = max(rows, key=lambda row: _mean(row, used))
    if first is best or _mean(first, used) - _mean(best, used) < NOTICED:
        return []
    reasons = []
    priors = [row.metrics.get("kind_prior") for row in (best, first)]
    if priors[0] and priors[0].mean > (priors[1].mean if priors[1] else 0):
        reasons.append(
            f"embedders of the kind of {best.name} agreed better with labels in the study"
        )
    counts = [row.metrics.get("n_topics") for row in (best, first)]
    if counts[0] and counts[1] and counts[1].mean <= FEW * counts[0].mean:
        reasons.append(
            f"it has {counts[1]} topics where {best.name} has {counts[0]}, and few topics are "
            "easily agreed on"
        )
    if not reasons:
        return []
    return [f"By the measures alone {first.name} would be first; {', and '.join(reasons)}."]


def _certainty(apart: LabelledDifference) -> str:
    """Whether the labels tell the first two apart, and how many it would take."""
    sentence = f" The labels of {apart.n:,} documents "
    if apart.is_certain:
        return sentence + f"tell them apart; about {_rounded(apart.n_needed)} labels would do."
    sentence += "do not tell them apart"
    if apart.n_needed > MOST_LABELS:
        return sentence + ", nor would many times as many."
    return sentence + f"; if the difference is real, about {_rounded(apart.n_needed)} would."


def _rounded(n: float) -> str:
    """A number to its first digit or two, as 1,300 or 80."""
    digits = 10 ** max(0, len(str(int(n))) - 2)
    return f"{max(40, -(-int(n) // digits) * digits):,}"


def _together(chosen: Row, ensembles: list[Row], comparison: Comparison | None) -> list[str]:
    """Whether an ensemble looks better than the recommended embedder, and how to use it."""
    compared = [(row, *by) for row in ensembles if (by := _gain(row, chosen, comparison))]
    if not compared:
        return []
    row, measure, gain = max(compared, key=lambda item: item[2])
    members = members_of(row.runs[0])
    if gain <= 0:
        return [f"An ensemble of {_listed(members)} looks no better by {measure}."]
    sentence = (
        f"An ensemble of {_listed(members)} looks better by {gain:.3f} ({measure}), at the cost "
        f"of them all: embedder=ensemble 'embedder.of=[{','.join(members)}]'."
    )
    if measure != "AMI":
        sentence += (
            " No labels tell whether it is: in the study two thirds of such pairs were better."
        )
        if row.metrics["choice_score"].mean < chosen.metrics["choice_score"].mean:
            sentence += " Its choice_score is lower as its members have no vote on it."
    return [sentence]


def _gain(row: Row, chosen: Row, comparison: Comparison | None) -> tuple[str, float] | None:
    """What an ensemble is compared by, and how much better it is; None where nothing tells."""
    if "ami" in row.metrics and "ami" in chosen.metrics:
        return "AMI", row.metrics["ami"].mean - chosen.metrics["ami"].mean
    names = [n for n in MEASURES[:2] if n in row.metrics and n in chosen.metrics]
    gains = [row.metrics[name].mean - chosen.metrics[name].mean for name in names]
    agreed = None
    if comparison is not None:
        agreed = comparison.on_equal_votes(row.runs[0], chosen.runs[0])
    if agreed is not None:
        names.append("consensus of the others")
        gains.append(agreed[0] - agreed[1])
    return (f"the mean of {_listed(names)}", sum(gains) / len(gains)) if gains else None


def _follows_words(best: Row, rows: list[Row]) -> bool:
    """Words predict its topics far better than the others confirm them, and better than others'."""
    words, agreed = (best.metrics[name].mean for name in ("words_ami", "consensus"))
    most = max(row.metrics["consensus"].mean for row in rows)
    return words - agreed > FOLLOWS_WORDS and agreed < CONFIRMED * most


def _mean(row: Row, names: tuple[str, ...]) -> float:
    return sum(row.metrics[name].mean for name in names) / len(names)


def _with_speed(row: Row, best: Row) -> str:
    """The name, and how its speed compares where both embedded all their documents."""
    seconds, other = _seconds(row), _seconds(best)
    if not seconds or not other or max(seconds, other) < LEAST_SECONDS:
        return row.name
    ratio = other / seconds
    if 2 / 3 < ratio < 1.5:
        return row.name
    factor = max(ratio, 1 / ratio)
    times = f"{factor:.0f}" if factor >= 10 else f"{factor:.1f}".removesuffix(".0")
    return f"{row.name} ({times} times as {'fast' if ratio > 1 else 'slow'})"


def _seconds(row: Row) -> float | None:
    """Seconds to embed; None where they are not known, or vectors came from the cache."""
    cell = row.metrics.get("embed_seconds")
    return None if cell is None or row.from_cache is not False else cell.mean


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
