"""The base of representations that choose among the words of a c-TF-IDF."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix, within
from components.representations.ctfidf import CTFIDF
from components.representations.selection import EncodeWords
from components.representations.tokens import Tokens
from components.representations.words import Words


class FromCandidates:
    """A representation whose words are proposed by a c-TF-IDF, and whose counts are its too.

    Attributes
    ----------
    candidates : CTFIDF
        The settings; it is never fitted, so that copies of a representation can share it.
    candidates_ : CTFIDF
        A fitted copy of it.
    words_ : list, by topic, of lists of (word, score)
        Set by the subclass.
    views_, components_, tokens_
        As for `CTFIDF`.
    """

    candidates: CTFIDF
    candidates_: CTFIDF
    words_: list[list[tuple[str, float]]]

    def read(self, documents: Sequence[str]) -> Words:
        """The words of `documents`, for any number of calls of `fit`."""
        with within("candidates"):
            return self.candidates.read(documents)

    def propose(
        self,
        documents: Sequence[str],
        labels: Integers,
        words: Words | None,
        embeddings: Matrix | None,
        encode_words: EncodeWords,
    ) -> CTFIDF:
        """Fit `candidates_`; the arguments are those of `KeyBERT.fit`."""
        with within("candidates"):
            self.candidates_ = copy(self.candidates).fit(
                documents, labels, words=words, embeddings=embeddings, encode_words=encode_words
            )
        return self.candidates_

    @property
    def views_(self) -> dict[str, list[list[tuple[str, float]]]]:
        return self.candidates_.views_

    @property
    def components_(self) -> Any:
        return self.candidates_.components_

    @property
    def tokens_(self) -> Tokens:
        return self.candidates_.tokens_

    def words_of(self, members: Any, n_words: int) -> list[list[tuple[str, float]]]:
        """Words of groups of documents by the candidates' weights, see `TermWeights.words_of`."""
        return self.candidates_.words_of(members, n_words)

    def get_feature_names_out(self) -> NDArray[np.object_]:
        return self.candidates_.get_feature_names_out()
