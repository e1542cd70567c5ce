"""Several views of the same topics, side by side."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from components.base import Integers, Matrix, ParameterError, UserError, at_least, within
from components.representations.selection import Closest, Diverse, EncodeWords, WordLists
from components.representations.weights import TermWeights
from components.representations.words import Reader, Words

_OPTIONS = {
    "ctfidf": {"n_words"},
    "keybert": {"n_words", "n_typical"},
    "mmr": {"n_words", "diversity"},
    "pos": {"n_words", "pos", "noun_phrases", "lemmatize", "spacy_model"},
}
_CANDIDATES = 30  # words that keybert and mmr choose from
_POS = ("NOUN", "PROPN", "ADJ")


class Views:
    """Further word lists for each topic, from the words of the main representation.

    Words are read once, with the main representation's settings, and weighed by them; a view
    only chooses among them. (`pos` reads the documents again, as it must.)

    Parameters
    ----------
    also : list of str, mapping of str to mapping, or None
        Of "ctfidf", "keybert", "mmr" and "pos", or each with its options, as in
        ``{mmr: {diversity: 0.7}, pos: {pos: [NOUN]}}``.
    reading : mapping
        The settings of the main representation's `Reader`.

    Raises
    ------
    ParameterError
    """

    def __init__(
        self, also: Iterable[str] | Mapping[str, Any] | None, reading: Mapping[str, Any]
    ) -> None:
        if isinstance(also, str):
            raise ParameterError("also", also, f"must be a list, as in [{also}].")
        requested = dict(also) if isinstance(also, Mapping) else dict.fromkeys(also or ())
        self._n_words: dict[str, int] = {}
        self._choosers: dict[str, Closest | Diverse] = {}
        self._pos_reader: Reader | None = None
        for name, given in requested.items():
            options = _options(name, given)
            self._n_words[name] = options.get("n_words", 10)
            with within(f"also.{name}"):
                at_least(1, n_words=self._n_words[name])
                if name == "keybert":
                    self._choosers[name] = Closest(**options)
                elif name == "mmr":
                    self._choosers[name] = Diverse(**options)
                elif name == "pos":
                    options.pop("n_words", None)
                    self._pos_reader = Reader(**{**reading, "pos": list(_POS), **options})

    @property
    def need_word_vectors(self) -> bool:
        """Whether a view chooses words by their vectors."""
        return bool(self._choosers)

    def read(self, documents: Sequence[str], words: Words) -> Words:
        """`words` with what the views need beside them."""
        if self._pos_reader is None:
            return words
        return replace(words, tagged=self._pos_reader.read(documents))

    def fit(
        self,
        main: TermWeights,
        documents: Sequence[str],
        labels: Integers,
        embeddings: Matrix | None,
        encode_words: EncodeWords | None,
    ) -> dict[str, WordLists]:
        """Word lists by view and topic.

        Parameters
        ----------
        main : TermWeights
            Fitted.
        documents, labels, embeddings, encode_words
            As for `KeyBERT.fit`.
        """
        views = {}
        for name, n_words in self._n_words.items():
            chooser = self._choosers.get(name)
            weights = copy(main)
            weights.n_words = n_words if chooser is None else max(_CANDIDATES, n_words)
            words = main.source_
            if name == "pos":
                assert words.tagged is not None
                words = words.tagged
            candidates = weights.weigh(words, np.asarray(labels)).best_
            if chooser is None:
                views[name] = weights.words_
                continue
            if encode_words is None or embeddings is None:
                raise UserError(
                    f"the view '{name}' needs the vectors of documents and words: give "
                    "`embeddings` and `encode_words` to `fit`."
                )
            if isinstance(chooser, Closest):
                chosen = chooser.choose(candidates, documents, labels, embeddings, encode_words)
            else:
                chosen = chooser.choose(candidates, encode_words)
            views[name] = weights.as_written(chosen)
        return views


def _options(name: Any, given: Any) -> dict[str, Any]:
    """The options of one view, of which nothing is known but that it was asked for."""
    if name not in _OPTIONS:
        near = difflib.get_close_matches(str(name), _OPTIONS, 1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ParameterError("also", name, f"must be of {', '.join(_OPTIONS)}.{hint}")
    if given is not None and not isinstance(given, Mapping):
        raise ParameterError(
            f"also.{name}", given, "must be a mapping of options, as in {n_words: 5}."
        )
    options = dict(given or {})
    if unknown := options.keys() - _OPTIONS[name]:
        raise ParameterError(
            f"also.{name}",
            sorted(unknown)[0],
            f"is not an option. There are {', '.join(sorted(_OPTIONS[name]))}.",
        )
    for option in ("n_words", "n_typical"):
        if not isinstance(options.get(option, 1), int):
            raise ParameterError(
                f"also.{name}.{option}", options[option], "must be a whole number."
            )
    return options
