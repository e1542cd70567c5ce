"""What a person has decided on a run's topics: merged, renamed, dropped, split."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from components.base import Integers, Matrix, UserError
from components.clusterers.leiden import LeidenClusterer
from components.labels import count_topics

log = logging.getLogger(__name__)

FEWEST = 10  # documents of a topic that can be split
MOST = 6  # parts that a topic is split into where nobody says how many


@dataclass(frozen=True)
class Edits:
    """Edits of topics, by the numbers that these have in the run that is edited.

    merge : groups of topics that become one, with the lowest number of each
    rename : label by topic
    drop : topics whose documents are in no topic from now on
    split : topics that are divided; the largest part keeps the number
    parts : into how many, by topic; a topic of `split` that is not here divides as it does best,
        into `MOST` at most
    """

    merge: list[list[int]] = field(default_factory=list)
    rename: dict[int, str] = field(default_factory=dict)
    drop: list[int] = field(default_factory=list)
    split: list[int] = field(default_factory=list)
    parts: dict[int, int] = field(default_factory=dict)

    def as_plain(self) -> dict[str, Any]:
        """The edits that there are, as YAML holds them."""
        plain = {name: value for name, value in vars(self).items() if value and name != "parts"}
        if self.parts:
            plain["split"] = {topic: self.parts.get(topic) for topic in self.split}
        return plain


@dataclass(frozen=True)
class Edited:
    """Topics after edits.

    labels : int64 (m,); sources : for each new topic, the topics that it was made of, lowest first;
    is_new : for each, whether it is a part that was split off; renamed : label by topic
    """

    labels: Integers
    sources: list[tuple[int, ...]]
    is_new: list[bool]
    renamed: dict[int, str]


def read_edits(plain: Any, n_topics: int, source: str) -> Edits:
    """Edits from a mapping, as a YAML file holds them.

    Raises
    ------
    UserError
        Naming every mistake: what is no edit, a topic that does not exist, and edits of one topic
        that exclude each other.
    """
    if not isinstance(plain, Mapping) or not plain:
        raise UserError(
            f"{source} must hold merge, rename, drop or split, such as: merge: [[3, 7]]"
        )
    faults: list[str] = []
    allowed = ("merge", "rename", "drop", "split")
    for name in plain:
        if name not in allowed:
            near = difflib.get_close_matches(str(name), allowed, 1)
            hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(allowed)}."
            faults.append(f"{name}: there is no such edit. {hint}")

    numbers = partial(_numbers, n_topics=n_topics, faults=faults)
    split = plain.get("split") or []
    edits = Edits(
        _groups(plain.get("merge") or [], numbers, faults),
        _labels(plain.get("rename") or {}, numbers, faults),
        numbers(plain.get("drop") or [], "drop"),
        numbers(list(split) if isinstance(split, Mapping) else split, "split"),
    )
    if isinstance(split, Mapping):
        edits.parts.update(_parts_of(split, edits.split, faults))
    faults += _conflicts(edits)
    if faults:
        raise UserError("\n".join([f"{source}:", *(f"  {fault}" for fault in faults)]))
    return edits


def _numbers(value: Any, where: str, *, n_topics: int, faults: list[str]) -> list[int]:
    """The topic numbers in a list; whatever else is in it is added to the faults."""
    if not isinstance(value, list):
        faults.append(f"{where}: {value!r} must be a list of topic numbers, such as [3, 7].")
        return []
    good = []
    for topic in value:
        if not isinstance(topic, int) or isinstance(topic, bool):
            faults.append(f"{where}: {topic!r} is not a topic number.")
        elif not 0 <= topic < n_topics:
            faults.append(f"{where}: there is no topic {topic}; they are 0 to {n_topics - 1}.")
        else:
            good.append(topic)
    return good


def _groups(groups: Any, numbers: Callable[..., list[int]], faults: list[str]) -> list[list[int]]:
    """The groups of topics that `merge` names."""
    if not isinstance(groups, list):
        faults.append(f"merge: {groups!r} must be a list of groups, such as [[3, 7]].")
        return []
    if groups and not any(isinstance(group, list) for group in groups):
        faults.append(f"merge: {groups} must be a list of groups: write [{groups}].")
        return []
    merge = []
    for place, group in enumerate(groups, 1):
        merge.append(sorted(numbers(group, f"merge, group {place}")))
        if isinstance(group, list) and len(set(map(str, group))) < 2:
            faults.append(f"merge, group {place}: {group} must name two topics or more.")
    return merge


def _labels(names: Any, numbers: Callable[..., list[int]], faults: list[str]) -> dict[int, str]:
    """The labels that `rename` gives, by topic."""
    if not isinstance(names, Mapping):
        faults.append(f'rename: {names!r} must name labels by topic, such as 2: "delivery".')
        return {}
    rename = {}
    for topic in numbers(list(names), "rename"):
        label = names[topic]
        if isinstance(label, str) and label.strip():
            rename[topic] = label.strip()
        else:
            faults.append(f"rename: the label of topic {topic} must be text, not {label!r}.")
    return rename


def _parts_of(
    split: Mapping[Any, Any], topics: list[int], faults: list[str]
) -> Iterator[tuple[int, int]]:
    """Topics and the numbers of parts that `split` asks for; null leaves it to the documents."""
    for topic in topics:
        number = split[topic]
        if isinstance(number, int) and not isinstance(number, bool) and number >= 2:
            yield topic, number
        elif number is not None:
            faults.append(f"split: the parts of topic {topic} must be 2 or more, not {number!r}.")


def _conflicts(edits: Edits) -> list[str]:
    """Topics that are asked for twice in ways that exclude each other."""
    faults = []
    uses: dict[int, list[str]] = {}
    for place, group in enumerate(edits.merge):
        for topic in group:
            uses.setdefault(topic, []).append(f"merge, group {place + 1}")
    for name, topics in (("drop", edits.drop), ("split", edits.split)):
        for topic in topics:
            uses.setdefault(topic, []).append(name)
    for topic, places in sorted(uses.items()):
        if len(places) > 1:
            faults.append(f"topic {topic} is in {' and in '.join(places)}: it can be in one only.")
    faults += [f"topic {t} is dropped, and renamed." for t in edits.drop if t in edits.rename]
    for group in edits.merge:
        named = [topic for topic in group if topic in edits.rename]
        if len(named) > 1:
            faults.append(f"topics {named} are merged: rename one of them, not {len(named)}.")
    return faults


def apply_edits(edits: Edits, labels: Integers, X: Matrix, seed: int | None) -> Edited:
    """The topics of documents (m,) after the edits.

    Topics keep their order; those behind a gap that a merged or dropped topic leaves move up, and
    parts that are split off come last, the larger ones first.

    Parameters
    ----------
    labels : int64 (m,), -1 is no topic
    X : float32 (m, d) or CSR (m, d); a split is found by Leiden on the topic's own vectors

    Raises
    ------
    UserError
        When a topic has too few documents to be split.
    """
    n_topics = int(labels.max(initial=-1)) + 1
    into = np.arange(n_topics)
    for group in edits.merge:
        into[group] = group[0]
    edited = labels.copy()
    edited[labels >= 0] = into[labels[labels >= 0]]
    edited[np.isin(labels, edits.drop)] = -1
    pieces: list[tuple[int, Integers]] = []  # the topic, and the rows of a part
    for topic in edits.split:
        rows = np.flatnonzero(labels == topic)
        parts = _parts(topic, rows, X[rows], seed, edits.parts.get(topic))
        pieces += [(topic, rows[parts == part]) for part in range(1, count_topics(parts))]
    pieces.sort(key=lambda part: -len(part[1]))
    for place, (_, rows) in enumerate(pieces):
        edited[rows] = n_topics + place
    numbers = np.full(n_topics + len(pieces) + 1, -1, np.int64)
    present = np.unique(edited[edited >= 0])
    numbers[present] = np.arange(len(present))
    sources, is_new, renamed = [], [], {}
    for place, number in enumerate(present.tolist()):
        is_new.append(number >= n_topics)
        origin = (
            (pieces[number - n_topics][0],)
            if number >= n_topics
            else tuple(np.flatnonzero(into == number).tolist())
        )
        sources.append(origin)
        label = next((edits.rename[t] for t in origin if t in edits.rename), None)
        if label is not None and number < n_topics:
            renamed[place] = label
    return Edited(numbers[edited], sources, is_new, renamed)


def _parts(topic: int, rows: Integers, X: Matrix, seed: int | None, number: int | None) -> Integers:
    """Parts of a topic, from 0, the largest, on: int64 (n,)."""
    if len(rows) < FEWEST:
        raise UserError(
            f"split: topic {topic} has {len(rows)} documents, and {FEWEST} are needed to split it."
        )
    k = min(30, max(2, len(rows) // 4))
    least = min(5, len(rows) // 4)
    settings: dict[str, Any] = {"n_neighbors": k, "random_state": seed, "min_topic_size": least}
    parts = LeidenClusterer(n_topics=number, **settings).fit_predict(X)
    if number is None and count_topics(parts) > MOST:
        log.warning(
            "split: topic %d is divided into %d parts; its documents would fall into %d. For as "
            "many, write split: {%d: %d}",
            topic, MOST, count_topics(parts), topic, count_topics(parts),
        )  # fmt: skip
        parts = LeidenClusterer(n_topics=MOST, **settings).fit_predict(X)
    if count_topics(parts) < 2:
        parts = LeidenClusterer(n_topics=2, **settings).fit_predict(X)
    if count_topics(parts) < 2:
        raise UserError(f"split: topic {topic} has no two parts: all its documents are alike.")
    return np.maximum(parts, 0)


def stack_rows(matrices: Sequence[Matrix]) -> Matrix:
    """The rows of arrays, or of CSR matrices, one after the other."""
    if hasattr(matrices[0], "indptr"):
        from scipy.sparse import vstack

        return vstack(matrices, format="csr")
    return np.vstack(matrices)
