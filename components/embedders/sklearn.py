"""Vectors from any scikit-learn transformer or pipeline, fitted on the corpus itself."""

from __future__ import annotations

import hashlib
import inspect
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.base import Matrix, ParameterError
from components.embedders.matrix import as_matrix

log = logging.getLogger(__name__)

# A term of scripts that put no spaces between words, longer than nearly every word in them.
_CLAUSE = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1780-\u17ff\u1000-\u109f]{8}"
)


class SklearnEmbedder:
    """A scikit-learn transformer, fitted once: on the documents of the first `encode`.

    Later calls (of words, of new documents) only transform. The object that was given is never
    changed: a clone of it is fitted; its steps are the list `steps_`.

    Parameters
    ----------
    pipeline : transformer, Pipeline, or dict of str to transformer
        What takes a list of str and returns a matrix. A dict is a pipeline with named steps, so
        that a config can reach each: `pipeline.svd.n_components=50`. An object without
        `fit` is only asked to transform.
    """

    fits_corpus = True

    def __init__(self, *, pipeline: Any) -> None:
        self.pipeline = pipeline
        self.steps_: list[Any] | None = None
        for step in map(_fresh, _steps(pipeline)):
            try:
                if hasattr(step, "_parameter_constraints"):  # FeatureUnion has none
                    step._validate_params()  # what `fit` begins with
            except ValueError as error:
                raise ParameterError("pipeline", type(step).__name__, f"{error}") from error

    def fingerprint(self) -> dict[str, Any]:
        """Every parameter of every step, and scikit-learn's version."""
        import sklearn

        return {
            "class": "SklearnEmbedder",
            "sklearn": sklearn.__version__,
            "steps": [_describe(step) for step in _steps(self.pipeline)],
        }

    def fit(self, documents: Sequence[str]) -> SklearnEmbedder:
        """Fit on `documents`, where their vectors come from the cache."""
        self._fit_transform(documents)
        return self

    def get_state(self) -> list[Any] | None:
        """The fitted steps; None before a fit."""
        return self.steps_

    def set_state(self, restore: Callable[[Any], Any]) -> None:
        """Take over what another one has learnt: `restore` fills unfitted steps."""
        self.steps_ = restore([_fresh(step) for step in _steps(self.pipeline)])

    def encode(self, documents: Sequence[str]) -> Matrix:
        """Vectors of the documents, after a fit on them if there was none yet.

        Returns
        -------
        float32 (n, d), or CSR float32 (n, d) where the last step is sparse

        Raises
        ------
        UserError
            When the pipeline cannot be fitted, such as when no word is left to count.
        """
        if self.steps_ is None:
            return self._fit_transform(documents)
        X: Any = list(documents)
        for step in self.steps_:
            X = step.transform(X)
        return as_matrix(X)

    def _fit_transform(self, documents: Sequence[str]) -> Matrix:
        steps = [_fresh(step) for step in _steps(self.pipeline)]
        X: Any = list(documents)
        for step in steps:
            try:
                _shrink(step, X)
                with np.errstate(invalid="ignore"):  # the variance of a single document is 0 / 0
                    X = _apply(step, X)
                _warn_of_clauses(step)
            except ValueError as error:  # what scikit-learn raises for parameters that do not fit
                raise ParameterError(
                    "pipeline",
                    type(step).__name__,
                    f"could not be fitted on {len(documents)} documents: "
                    f"{str(error).rstrip('.')}. Change its parameters.",
                ) from error
        self.steps_ = steps
        return as_matrix(X)


def _steps(pipeline: Any) -> list[Any]:
    """The transformers of a pipeline, flat and in order; those that do nothing left out."""
    if isinstance(pipeline, dict):
        steps = list(pipeline.values())
    elif hasattr(pipeline, "steps"):
        steps = [step for _, step in pipeline.steps]
    else:
        return [pipeline]
    return [s for step in steps if step not in (None, "passthrough") for s in _steps(step)]


def _fresh(step: Any) -> Any:
    """An unfitted copy, with the lists that YAML gives for tuples made tuples."""
    from sklearn.base import clone

    if not hasattr(step, "fit") or not hasattr(step, "get_params"):
        return step
    copy = clone(step)
    return copy.set_params(
        **{
            name: tuple(value)
            for name, value in copy.get_params().items()
            if name.endswith(("ngram_range", "norm_range")) and isinstance(value, list)
        }
    )


def _apply(step: Any, X: Any) -> Any:
    if hasattr(step, "fit_transform"):
        return step.fit_transform(X)
    if hasattr(step, "fit"):
        step.fit(X)
    return step.transform(X)


def _warn_of_clauses(step: Any) -> None:
    """Warn where a vectorizer has taken clauses for words: documents then share few terms."""
    if getattr(step, "analyzer", None) != "word" or getattr(step, "tokenizer", None) is not None:
        return
    terms = getattr(step, "vocabulary_", {})
    clauses = [term for term in terms if _CLAUSE.search(term)]
    if 2 * len(clauses) > len(terms):
        log.warning(
            "%s takes what stands between spaces and signs for one word, and the documents are in "
            "a script without spaces: %d of %d terms are whole clauses, such as %r. Set its "
            "analyzer=char and ngram_range=[1,2], or choose an embedder that knows the language.",
            type(step).__name__,
            len(clauses),
            len(terms),
            min(clauses),
        )


def _shrink(step: Any, X: Any) -> None:
    """Ask a decomposition for no more components than the matrix `X` has."""
    from sklearn.decomposition import PCA, TruncatedSVD

    if not isinstance(step, PCA | TruncatedSVD) or not isinstance(step.n_components, int):
        return
    solver = getattr(step, "svd_solver", getattr(step, "algorithm", None))
    most = max(1, min(X.shape) - (solver == "arpack"))
    if step.n_components > most:
        log.warning(
            "%s: n_components=%d is more than %d documents with %d features allow; using %d",
            type(step).__name__,
            step.n_components,
            *X.shape,
            most,
        )
        step.set_params(n_components=most)


def _describe(step: Any) -> dict[str, Any]:
    """Class and parameters as JSON."""
    parameters = step.get_params(deep=False) if hasattr(step, "get_params") else vars(step)
    return {
        "class": _name(type(step)),
        **{name: _json(value) for name, value in sorted(parameters.items())},
    }


def _json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    if hasattr(value, "get_params") and not isinstance(value, type):
        return _describe(value)
    return _name(value) if hasattr(value, "__qualname__") else repr(value)


def _name(thing: Any) -> str:
    """A class or function by its full name; one of the user's with a hash of its source file."""
    name = f"{thing.__module__}.{thing.__qualname__}"
    if thing.__module__.partition(".")[0] in ("sklearn", "numpy", "builtins"):
        return name
    try:
        source = Path(inspect.getfile(thing)).read_bytes()
    except (OSError, TypeError):  # compiled, or typed into an interpreter
        return name
    return f"{name}:{hashlib.sha256(source).hexdigest()}"
