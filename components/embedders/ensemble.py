"""Several embedders at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from components.base import Embedder, Matrix, ParameterError, call, within
from components.embedders.adapt import as_embedder
from components.embedders.matrix import as_matrix
from components.neighbors import unit_rows


class EnsembleEmbedder:
    """Several embedders, each of which embeds every document.

    The runner embeds with each member as if it were alone, so that vectors that are cached for
    one are used. A clusterer that works on a graph of neighbours, such as Leiden, adds the graphs
    of the members. Whatever needs one vector for each document (the map, typical documents,
    silhouette, other clusterers, prediction) gets what `join` makes of the members' vectors.

    Parameters
    ----------
    of : dict of str to Embedder, or list of Embedder
        At least two, or whatever `components.embedders.adapt.as_embedder` makes one of. In a
        config the names of options of the group `embedder`, which the runner replaces by them.

    Attributes
    ----------
    members : dict of str to Embedder
    truncated_ : bool (n,)
        Which documents of the last `encode` were too long for at least one member.
    """

    def __init__(self, *, of: list[Any] | dict[str, Any]) -> None:
        named = of if isinstance(of, dict) else {str(i): member for i, member in enumerate(of)}
        self.of = of
        if len(named) < 2:
            raise ParameterError("of", [*named], "must name at least two embedders.")
        self.members: dict[str, Embedder] = {}
        for name, member in named.items():
            with within("of"):
                if isinstance(member, str):
                    raise ParameterError(name, member, "must be an embedder, not a name.")
            with within(f"of.{name}"):
                self.members[name] = as_embedder(member)

    @property
    def fits_corpus(self) -> bool:
        """Whether any member's vectors depend on the whole corpus."""
        return any(map(_fits, self.members.values()))

    def encode(
        self, documents: Sequence[str], *, images: Sequence[str | None] | None = None
    ) -> Matrix:
        """The members' vectors of the documents, joined: float32 (n, d) or CSR (n, d)."""
        vectors = []
        self.truncated_ = np.zeros(len(documents), bool)
        for name, member in self.members.items():
            with within(f"of.{name}"):
                vectors.append(as_matrix(call(member.encode, documents, images=images)))
            self.truncated_ |= np.asarray(getattr(member, "truncated_", False), bool)
        return self.join(vectors)

    @staticmethod
    def join(vectors: Sequence[Matrix]) -> Matrix:
        """One matrix from the m members' vectors of the same documents.

        Their rows at unit length, side by side, divided by sqrt(m): the cosine of two such rows is
        the mean of the members' cosines. A member without a vector for a document (no known word)
        counts as a cosine of 0.

        Parameters
        ----------
        vectors : m matrices float32 (n, d_i), dense or CSR

        Returns
        -------
        float32 (n, sum of d_i); CSR where any of them is sparse, and exact: nothing is reduced
        """
        from scipy import sparse

        scale = np.float32(1 / np.sqrt(len(vectors)))
        if any(map(sparse.issparse, vectors)):
            units = [sparse.csr_matrix(unit_rows(X)) * scale for X in vectors]
            return sparse.hstack(units, format="csr", dtype=np.float32)
        joined = np.empty((len(vectors[0]), sum(X.shape[1] for X in vectors)), np.float32)
        start = 0
        for X in vectors:
            part = joined[:, start : start + X.shape[1]]
            unit_rows(X, out=part)
            part *= scale
            start += X.shape[1]
        return joined

    # --- For members that are fitted on the corpus, when a model is saved and loaded --------------

    def fit(self, documents: Sequence[str]) -> EnsembleEmbedder:
        """Fit those members that are fitted on the corpus."""
        for member in self._fitted_on_corpus().values():
            member.fit(documents)
        return self

    def get_state(self) -> dict[str, Any] | None:
        """What those members have learnt, by name; None where one is not fitted."""
        states = {name: member.get_state() for name, member in self._fitted_on_corpus().items()}
        return None if any(state is None for state in states.values()) else states

    def set_state(self, restore: Callable[[Any], Any]) -> None:
        """Take over what other members have learnt; see `SklearnEmbedder.set_state`."""
        fitted = self._fitted_on_corpus()
        unfitted: dict[str, Any] = {}
        for name, member in fitted.items():
            member.set_state(lambda state, name=name: unfitted.setdefault(name, state))
        learnt = restore(unfitted)
        for name, member in fitted.items():
            member.set_state(lambda _, name=name: learnt[name])

    def _fitted_on_corpus(self) -> dict[str, Any]:
        return {name: member for name, member in self.members.items() if _fits(member)}


def _fits(member: Embedder) -> bool:
    return bool(getattr(member, "fits_corpus", False))
