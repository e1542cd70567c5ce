"""The questions on topics that a language model is asked, and how its answers are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.api.chat import fill, listed, one_line
from components.base import Result, Topic
from components.text import lower

PLACEHOLDERS = {
    "intrusion": ("words",),
    "rating": ("words",),
    "name": ("documents",),
    "fit": ("name", "documents"),
}
"""What the prompt of each question must hold."""

_SHOWN = 5  # words of a topic beside an intruder, as Chang et al. have it
_FEWEST = 3  # words of a topic, of which fewer are not judged
_LONGEST_NAME = 200  # characters


@dataclass(frozen=True)
class Question:
    """A question on a topic.

    kind : a key of `PLACEHOLDERS`; read : from the JSON object of an answer to a number, or to the
    topic's name; it raises ValueError where the answer is none to the question
    """

    topic: int
    kind: str
    prompt: str
    read: Callable[[dict[str, Any]], Any]


def intrusion(
    prompt: str, result: Result, topics: Sequence[Topic], n_intruders: int, seed: int
) -> Iterator[Question]:
    """Which word does not belong? The answer is read as 1.0 where it is the intruder, else 0.0."""
    weight_of = _weights(result)
    for topic in topics:
        shown = [word for word, _ in topic.words[:_SHOWN]]
        if len(shown) < _FEWEST:
            continue
        listed_words = {word for word, _ in topic.words}
        others = [
            word
            for other in result.topics
            for word, _ in other.words[:_SHOWN]
            if other.id != topic.id and word not in listed_words
        ]
        # Those with less weight in this topic than the others have: they are no words of its own.
        candidates = sorted(set(others), key=lambda word: (weight_of(topic.id, word), word))
        candidates = candidates[: max(n_intruders, len(candidates) // 2)]
        rng = np.random.default_rng([seed, topic.id])
        for place in rng.permutation(len(candidates))[:n_intruders].tolist():
            intruder = candidates[place]
            words = [*shown, intruder]
            shuffled = [words[i] for i in rng.permutation(len(words)).tolist()]
            yield Question(
                topic.id,
                "intrusion",
                fill(prompt, words=", ".join(shuffled)),
                partial(_picked, words=words),
            )


def rating(prompt: str, topics: Sequence[Topic], n_words: int) -> Iterator[Question]:
    """How related are the words? The answer is read as 1.0, 2.0 or 3.0."""
    for topic in topics:
        words = [word for word, _ in topic.words[:n_words]]
        if len(words) >= _FEWEST:
            yield Question(topic.id, "rating", fill(prompt, words=", ".join(words)), _rated)


def naming(
    prompt: str, result: Result, topics: Sequence[Topic], n_documents: int, max_tokens: int
) -> Iterator[Question]:
    """What do these typical documents have in common? The answer is read as a name."""
    for topic in topics:
        documents = [result.corpus.documents[row] for row in topic.examples[:n_documents]]
        text = fill(prompt, documents=listed(documents, max_tokens))
        yield Question(topic.id, "name", text, _named)


def fit(
    prompt: str,
    result: Result,
    names: Mapping[int, str],
    *,
    n_shown: int,
    n_held_out: int,
    max_tokens: int,
    seed: int,
) -> Iterator[Question]:
    """Which documents fit the name? The answer is read as its agreement with the topics, kappa.

    Parameters
    ----------
    names : mapping of int to str
        The model's name of each topic that it named.
    n_shown : int
        Of a topic's typical documents so many were shown for the name, and are not asked about.
    """
    for topic in result.topics:
        if topic.id not in names:
            continue
        rng = np.random.default_rng([seed, topic.id, 1])
        inside = np.setdiff1d(np.flatnonzero(result.labels == topic.id), topic.examples[:n_shown])
        outside = np.flatnonzero((result.labels >= 0) & (result.labels != topic.id))
        n = min(n_held_out // 2, len(inside), len(outside))
        if not n:
            continue
        rows = np.concatenate([rng.choice(inside, n, False), rng.choice(outside, n, False)])
        order = rng.permutation(2 * n)
        belongs = (np.arange(2 * n) < n)[order]
        documents = [result.corpus.documents[row] for row in rows[order].tolist()]
        text = fill(
            prompt, name=names[topic.id], documents=listed(documents, max_tokens, numbered=True)
        )
        yield Question(topic.id, "fit", text, partial(_agreement, belongs=belongs))


def _weights(result: Result) -> Callable[[int, str], float]:
    """Weight of a word in a topic, where the representation knows it; else 0."""
    representation: Any = result.parts.get("representation")
    components = getattr(representation, "components_", None)
    if components is None or components.shape[0] < len(result.topics):
        return lambda topic, word: 0.0
    column = {word: place for place, word in enumerate(representation.get_feature_names_out())}

    def weight_of(topic: int, word: str) -> float:
        place = column.get(word, column.get(lower(word)))  # shown as written, counted in lower case
        return 0.0 if place is None else float(components[topic, place])

    return weight_of


def _picked(answer: dict[str, Any], words: Sequence[str]) -> float:
    """Whether the word of an answer is the last of `words`."""
    word = answer.get("word")
    plain = one_line(word).strip("\"'.").casefold() if isinstance(word, str) else None
    spellings = [one_line(each).casefold() for each in words]
    if plain not in spellings:
        raise ValueError(f"its 'word' is none of the words: {str(word)[:80]!r}")
    return float(plain == spellings[-1])


def _rated(answer: dict[str, Any]) -> float:
    value = answer.get("rating")
    number = value.strip() if isinstance(value, str) else value
    if isinstance(number, bool) or number not in (1, 2, 3, "1", "2", "3"):
        raise ValueError(f"its 'rating' is not 1, 2 or 3: {str(value)[:80]!r}")
    return float(number)


def _named(answer: dict[str, Any]) -> str:
    name = answer.get("name")
    text = one_line(name) if isinstance(name, str) else ""
    if not any(map(str.isalnum, text)) or len(text) > _LONGEST_NAME:
        raise ValueError(f"its 'name' is not a name: {str(name)[:80]!r}")
    return text


def _agreement(answer: dict[str, Any], belongs: NDArray[np.bool_]) -> float:
    """Cohen's kappa of the numbers in an answer, from 1, with `belongs`, of which half is true."""
    numbers = answer.get("fits")
    if not isinstance(numbers, list) or any(
        isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= len(belongs) for n in numbers
    ):
        raise ValueError(f"its 'fits' is not a list of document numbers: {str(numbers)[:80]!r}")
    chosen = np.isin(np.arange(1, len(belongs) + 1), numbers)
    return float(2 * np.mean(chosen == belongs) - 1)
