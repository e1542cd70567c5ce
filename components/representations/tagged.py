"""Words chosen by part of speech, lemmas and noun phrases, by a spaCy pipeline."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from components.base import ParameterError, UserError, progress, require
from components.representations.tokens import PHRASE

# https://universaldependencies.org/u/pos
TAGS = (
    "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"
).split()  # fmt: skip
_LONGEST = 4  # words of a phrase


class Tagger:
    """Rewrites documents as those of their words that are selected, for `tokenize` to read.

    Parameters
    ----------
    pos : list of str, or None
        Universal part-of-speech tags of the words that stay, such as NOUN. None: all.
    noun_phrases : bool
        After a noun, add its noun phrase of two to four words, without stop words, as one word.
    lemmatize : bool
        Put each word in its dictionary form.
    spacy_model : str
        Name or folder of an installed spaCy pipeline.

    Raises
    ------
    MissingExtraError
        When spaCy is not installed.
    ParameterError
        When a tag is unknown, or the pipeline is not there.
    """

    def __init__(
        self, *, pos: Sequence[str] | None, noun_phrases: bool, lemmatize: bool, spacy_model: str
    ) -> None:
        if isinstance(pos, str) or (pos is not None and not pos):
            raise ParameterError("pos", pos, "must be a list of tags, as in [NOUN, PROPN].")
        unknown = [tag for tag in pos or () if tag not in TAGS]
        if unknown:
            raise ParameterError(
                "pos", unknown[0], f"is not a part of speech. Known are {', '.join(TAGS)}."
            )
        require("spacy", "spacy")
        if not _is_pipeline(spacy_model):
            install = f" Install it with: python -m spacy download {spacy_model}"
            raise ParameterError(
                "spacy_model",
                spacy_model,
                "is neither an installed spaCy pipeline nor a folder with one."
                + install * spacy_model.isidentifier(),
            )
        self.pos = None if pos is None else frozenset(pos)
        self.noun_phrases = noun_phrases
        self.lemmatize = lemmatize
        self.spacy_model = spacy_model

    def __call__(self, documents: Iterable[str], n: int) -> Iterator[str]:
        """Each of `n` documents as its words and phrases, separated by spaces.

        Raises
        ------
        UserError
            When the pipeline lacks what one of the options needs, such as a tagger.
        """
        nlp = self._pipeline()
        # One million characters is spaCy's limit; the text of a longer one is cut there.
        texts = (document[: nlp.max_length] for document in documents)
        for doc in progress(nlp.pipe(texts, batch_size=64), total=n, label="parts of speech"):
            yield " ".join(self._words(doc))

    def _words(self, doc: Any) -> Iterator[str]:
        phrase_at = {}
        if self.noun_phrases:
            phrase_at = {chunk.root.i: self._phrase(chunk) for chunk in doc.noun_chunks}
        for token in doc:
            if self.pos is None or token.pos_ in self.pos:
                yield self._form(token)
            if phrase := phrase_at.get(token.i):
                yield phrase

    def _form(self, token: Any) -> str:
        return str(token.lemma_ if self.lemmatize else token.text)

    def _phrase(self, chunk: Any) -> str:
        words = [self._form(token) for token in chunk if token.is_alpha and not token.is_stop]
        return PHRASE.join(words) if 2 <= len(words) <= _LONGEST else ""

    def _pipeline(self) -> Any:
        nlp = _loaded(self.spacy_model)
        requirements = [
            ("pos", self.pos is not None, ("tagger", "morphologizer")),
            ("lemmatize", self.lemmatize, ("lemmatizer", "trainable_lemmatizer")),
            ("noun_phrases", self.noun_phrases, ("parser",)),
        ]
        for name, required, pipes in requirements:
            if required and not set(pipes) & set(nlp.pipe_names):
                raise UserError(
                    f"{name} needs a {' or a '.join(pipes)}, and the spaCy pipeline "
                    f"'{self.spacy_model}' has only {', '.join(nlp.pipe_names) or 'a tokenizer'}."
                )
        return nlp


def _is_pipeline(name: str) -> bool:
    """Whether there is a pipeline of that name or folder; does not import spaCy, which is slow."""
    folders = [Path(name)] if name else []
    if name.isidentifier() and (spec := importlib.util.find_spec(name)) is not None:
        folders += map(Path, spec.submodule_search_locations or ())
    return any((folder / "meta.json").is_file() for folder in folders)


@lru_cache(maxsize=1)
def _loaded(spacy_model: str) -> Any:
    import spacy

    return spacy.load(spacy_model, exclude=["ner"])
