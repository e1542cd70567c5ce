"""What representations share that choose among the words of a c-TF-IDF."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.base import Matrix
from components.neighbors import unit_rows
from components.representations.ctfidf import CTFIDF
from components.representations.tokens import Tokens

EncodeWords: TypeAlias = Callable[[list[str]], Matrix]


class FromCandidates:
    """A representation whose words are proposed by `candidates`, and whose counts are its too."""

    candidates: CTFIDF
    words_: list[list[tuple[str, float]]]

    @property
    def components_(self) -> Any:
        return self.candidates.components_

    @property
    def tokens_(self) -> Tokens:
        return self.candidates.tokens_

    def get_feature_names_out(self) -> NDArray[np.object_]:
        return self.candidates.get_feature_names_out()


def candidate_vectors(candidates: CTFIDF, encode_words: EncodeWords) -> list[Matrix]:
    """Unit vectors, in double precision, of the candidate words of each topic.

    All words go to `encode_words` in one call, each once. A word that it does not know keeps its
    all-zero row. The list is empty where there is no word at all.
    """
    words = sorted({word for topic in candidates.words_ for word, _ in topic})
    if not words:
        return []
    units = unit_rows(encode_words(words).astype(np.float64))
    row = {word: number for number, word in enumerate(words)}
    return [units[[row[word] for word, _ in topic]] for topic in candidates.words_]
