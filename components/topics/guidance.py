"""What the user knows before any topic is found: seed words and rows, names, some labels."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from components.base import Guidance, Integers, Matrix, ParameterError, Topic
from components.labels import one_hot
from components.neighbors import unit_rows
from components.representations.counts import count_terms
from components.representations.segment import UNSPACED, Segmenters
from components.representations.tokens import Tokens, tokenize

log = logging.getLogger(__name__)

SAMPLED = 20_000  # unlabelled documents that the classifier of labels is fitted on, at most
LEAST = 0.01  # share below which a document does not speak for a label
PENALTY = 3.0  # C of the logistic regression; see experiments/guided


@dataclass(frozen=True)
class Knowledge:
    """What a user may say of the topics.

    Parameters
    ----------
    seeds : mapping of name to list of (str or int)
        Of each topic: words, phrases, and rows of the data set (`guided.topics`).
    weight : float
        How strongly seeds pull, above 0 (`guided.weight`).
    names : list of str
        Names to whose documents no other topic is open (`zeroshot.topics`).
    threshold : "auto" or float
        See `components.topics.zeroshot.near_names` (`zeroshot.threshold`).
    """

    seeds: Mapping[str, Sequence[str | int]] = field(default_factory=dict)
    weight: float = 4.0
    names: Sequence[str] = ()
    threshold: Literal["auto"] | float = "auto"

    def __post_init__(self) -> None:
        _check_names("guided.topics", list(self.seeds))
        _check_names("zeroshot.topics", list(self.names))
        if not self.weight > 0:
            raise ParameterError("guided.weight", self.weight, "must be above 0.")
        if self.threshold != "auto" and (
            isinstance(self.threshold, str | bool) or not -1 <= self.threshold <= 1
        ):
            raise ParameterError(
                "zeroshot.threshold", self.threshold, "must be auto, or a cosine from -1 to 1."
            )
        owner: dict[str | int, str] = {}
        for name, seeds in self.seeds.items():
            if isinstance(seeds, str) or not isinstance(seeds, Sequence) or not len(seeds):
                raise ParameterError(
                    f"guided.topics.{name}",
                    seeds,
                    "must be a list of words or row numbers, as in "
                    "guided.topics={billing: [invoice, charge, 17]}.",
                )
            for seed in seeds:
                key = seed.strip().lower() if isinstance(seed, str) else seed
                if isinstance(seed, bool) or not isinstance(seed, str | int) or key == "":
                    raise ParameterError(
                        f"guided.topics.{name}", seed, "a seed is a word, a phrase or a row number."
                    )
                if owner.setdefault(key, name) != name:
                    raise ParameterError(
                        f"guided.topics.{name}",
                        seed,
                        f"is a seed of {owner[key]!r} too. Leave it out of one of the two.",
                    )


def _check_names(parameter: str, names: Sequence[Any]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        plain = " ".join(str(name).lower().split())
        if not plain:
            raise ParameterError(parameter, list(names), "a name is empty. Leave it out.")
        if plain in seen:
            raise ParameterError(
                parameter,
                list(names),
                f"{seen[plain]!r} and {str(name)!r} are one name. Leave one of them out.",
            )
        seen[plain] = str(name)


def guide(
    knowledge: Knowledge,
    known: Sequence[str | None] | None,
    documents: Sequence[str],
    rows: Integers,
    n_rows: int,
    X: Matrix,
    words: Any,
    *,
    classify: bool = True,
) -> Guidance | None:
    """What is known of m documents, in the form that a clusterer takes; None if nothing is.

    A seed word speaks for its topic by the share of a document that it makes up: the part of
    the squared length of the document's tf-idf vector (tf * ln(m / df)) that the seeds hold.

    Known labels speak for the documents without one by a logistic regression of the labels, with
    all documents without a label as one further class (Elkan and Noto 2008): the probability of a
    label, divided by the mean probability of having a label among those that have one. A document
    that is like none of the labelled speaks for no label.

    Parameters
    ----------
    known : the label of each document, None where it is not known
    rows, n_rows : rows of the documents in the data set, and how many that has
    X : float32 ndarray or CSR (m, d)
    words : what the representation read of the documents, with `tokens`, or None
    classify : whether known labels speak for documents without one

    Raises
    ------
    ParameterError
        When no document holds any seed of a topic, or a row is not there.
    """
    from scipy import sparse

    labelled = [str(label) for label in known or () if label is not None]
    if not knowledge.seeds and not labelled:
        return None
    names = (*dict.fromkeys([*knowledge.seeds, *sorted(set(labelled))]),)
    number = {name: group for group, name in enumerate(names)}
    fixed = np.full(len(documents), -1, np.int64)
    for row, label in enumerate(known or ()):
        if label is not None:
            fixed[row] = number[str(label)]
    if len(labelled) and len(set(labelled)) == 1:
        log.warning("every known label is %r: no document is told apart by them.", labelled[0])
    seeds: Any = sparse.csr_matrix((len(documents), len(names)))
    if knowledge.seeds:
        shares = _seed_shares(knowledge.seeds, documents, rows, n_rows, words)
        shares.resize(seeds.shape)  # the guided topics come first
        seeds = seeds + knowledge.weight * shares
    if classify and labelled and (fixed < 0).any():
        seeds = seeds + _likely(fixed, X, len(names))
    return Guidance(names, fixed, seeds.tocsr())


def _seed_shares(
    seeds: Mapping[str, Sequence[str | int]],
    documents: Sequence[str],
    rows: Integers,
    n_rows: int,
    words: Any,
) -> Any:
    """How strongly each document speaks for each topic: CSR (m, topics) in [0, 1]."""
    from scipy import sparse

    tokens = getattr(words, "tokens", None)
    if tokens is None:
        tokens = tokenize(documents)
    counts, vocabulary = count_terms(tokens, 1, 1)
    counts = counts.tocsr().astype(np.float64)
    number = {word: column for column, word in enumerate(vocabulary)}
    df = np.diff(counts.tocsc().indptr)
    idf = np.log(len(documents) / np.maximum(df, 1)) ** 2
    length = np.asarray(counts.power(2) @ idf).ravel()
    cut = Segmenters(getattr(words, "languages", ()))
    columns = []
    for name, given in seeds.items():
        mass = np.zeros(len(documents))
        missing = []
        for seed in given:
            if isinstance(seed, int):
                mass[_places(seed, name, rows, n_rows)] = np.inf
                continue
            ids = [number.get(word, -1) for word in _words_of(seed, number, cut)]
            held = _occurrences(tokens, ids, counts)
            if not held.any():
                missing.append(seed)
            mass += held**2 * idf[ids].sum() if min(ids, default=-1) >= 0 else 0
        if missing:
            near = [difflib.get_close_matches(word, vocabulary, 1) for word in missing]
            hint = ", ".join(match[0] for match in near if match)
            hint = f" Near to them are: {hint}." if hint else ""
            if not mass.any():
                raise ParameterError(
                    f"guided.topics.{name}",
                    f"[{', '.join(map(str, given))}]",
                    f"no document holds any of these words.{hint}",
                )
            log.warning("guided.topics.%s: no document holds %s.%s", name, ", ".join(missing), hint)
        columns.append(np.minimum(mass / np.where(length > 0, length, 1), 1))
    return sparse.csr_matrix(np.column_stack(columns))


def _words_of(seed: str, number: Mapping[str, int], cut: Callable[[str], list[str]]) -> list[str]:
    """The seed as the documents' words have it: as it is, in lower case, or cut like them."""
    for form in (seed, seed.lower()):
        if form in number:
            return [form]
    found = tokenize([seed], segment=lambda run: cut(run) if UNSPACED.search(run) else [run])
    return [found.words[index] for index in found.ids.tolist()]


def _occurrences(tokens: Tokens, ids: Sequence[int], counts: Any) -> NDArray[np.float64]:
    """How often each document holds these words one after the other, float64 (m,)."""
    n = len(tokens.starts) - 1
    if not ids or min(ids) < 0:
        return np.zeros(n)
    if len(ids) == 1:
        return np.asarray(counts[:, ids[0]].toarray()).ravel()
    last = len(tokens.ids) - len(ids) + 1
    starts = np.flatnonzero(
        np.all([tokens.ids[place : place + last] == id for place, id in enumerate(ids)], axis=0)
    )
    document = np.searchsorted(tokens.starts, starts, side="right") - 1
    inside = starts + len(ids) <= tokens.starts[document + 1]
    return np.bincount(document[inside], minlength=n).astype(np.float64)


def _places(row: int, name: str, rows: Integers, n_rows: int) -> Integers:
    """Which documents stand in a row of the data set."""
    places = np.flatnonzero(rows == row)
    if not 0 <= row < n_rows:
        raise ParameterError(
            f"guided.topics.{name}",
            row,
            f"there is no such row: they count from 0 to {n_rows - 1}.",
        )
    if not len(places):
        log.warning(
            "guided.topics.%s: row %d is empty, or no part of the sample that was drawn.", name, row
        )
    return places


def _likely(fixed: Integers, X: Matrix, n_groups: int) -> Any:
    """How likely each document without a label has each: CSR float64 (m, groups) in [0, 1]."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    unknown = np.flatnonzero(fixed < 0)
    if len(unknown) > SAMPLED:
        unknown = np.sort(np.random.default_rng(0).choice(unknown, SAMPLED, replace=False))
    labelled = np.flatnonzero(fixed >= 0)
    sample = np.sort(np.concatenate([unknown, labelled]))
    rows = unit_rows(X)
    target = np.where(fixed < 0, n_groups, fixed)
    with threadpool_limits(1):  # the same bits on any number of cores
        model = LogisticRegression(C=PENALTY, max_iter=300).fit(rows[sample], target[sample])
        groups = model.classes_[:-1]
        has_label = 1 - model.predict_proba(rows[labelled])[:, -1]
        likely = model.predict_proba(rows)[:, :-1] / float(has_label.mean())
    likely[(likely < LEAST)] = 0
    likely[labelled] = 0
    found = sparse.coo_matrix(np.minimum(likely, 1))
    return sparse.csr_matrix((found.data, (found.row, groups[found.col])), (len(fixed), n_groups))


def with_names(
    topics: Sequence[Topic], labels: Integers, guidance: Guidance | None, near: Integers,
    names: Sequence[str],
) -> list[Topic]:  # fmt: skip
    """The topics, those that gather what was given under a name labelled by it.

    Where a group has documents that are certainly its own, their topic gets its name; else the
    topic with the most weight of its seeds, if it has more of them than of any other group's.

    Parameters
    ----------
    labels : int64 (m,), topics of the documents
    near : int64 (m,), the one of `names` (`zeroshot.topics`) that each document is near to; -1
    """
    found: dict[int, str] = {}
    for group, name in enumerate(names):
        own = labels[near == group]
        if (own >= 0).any():
            found[int(np.bincount(own[own >= 0]).argmax())] = str(name)
        else:
            log.warning("zeroshot.topics: no document is near to %r.", name)
    if guidance is not None and len(topics):
        claims = _claims(guidance, labels)
        best_topic = claims.argmax(axis=0)
        best_group = claims.argmax(axis=1)
        for group, name in enumerate(guidance.names):
            topic = int(best_topic[group])
            if claims[topic, group] > 0 and best_group[topic] == group:
                found.setdefault(topic, name)
            else:
                log.warning("no topic gathers the seeds of %r.", name)
    return [
        replace(topic, label=found[topic.id]) if topic.id in found else topic for topic in topics
    ]


def _claims(guidance: Guidance, labels: Integers) -> Any:
    """How much each group has in each topic: (topics, groups); of seeds less than of one row."""
    from scipy import sparse

    member = one_hot(labels)
    has = np.flatnonzero(guidance.fixed >= 0)
    shape = (len(labels), len(guidance.names))
    own = sparse.csr_matrix((np.ones(len(has)), (has, guidance.fixed[has])), shape)
    seeds = (member.T @ guidance.seeds).toarray()
    return (member.T @ own).toarray() + 0.5 * seeds / max(float(seeds.max(initial=0)), 1e-300)
