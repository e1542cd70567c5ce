"""Communities of a graph where the user has said what some topics are: guided topic modelling."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from components.base import Guidance, Integers
from components.clusterers.communities import Communities, Leiden
from components.igraph_core import seeded

FRESH = 3  # further starts, with each row in its own topic; see experiments/guided


class GuidedCommunities:
    """Leiden on a graph with one additional node, an anchor, for each group of a `Guidance`.

    - Fixed rows are contracted into the anchor of their group, with their edges and degrees, so
      they always have one topic.
    - A seed row has an edge to the anchor of its group, of weight `Guidance.seeds` times its
      degree. These edges do not count in the degrees of rows. The degree of an anchor without
      fixed rows is their sum, each at most the degree of its row: modularity then rewards only
      more seeds in a topic than expected by chance, so words that are in all documents have no
      effect.
    - Between any two anchors is an edge with a negative weight larger than all positive weight in
      the graph. Leiden starts with the anchors in different topics and never lowers its
      objective, so no topic has two of them.

    Rows start in the topics that they have without guidance, so little changes where nothing is
    known. If an anchor has no fixed row, the algorithm also starts `FRESH` times with each row in
    its own topic, as it may not get from the best topics without seeds to the best with them. The
    objectives of these results differ by less than one percent and do not tell which is better;
    the result with the most seed weight in the topics of their anchors is used.

    Parameters
    ----------
    communities : Communities
        Of the n rows, without guidance.
    guidance : Guidance
        For the same rows.

    Attributes
    ----------
    degrees : float64 (n,)
        As `Communities.degrees`.
    """

    def __init__(self, communities: Communities, guidance: Guidance) -> None:
        from scipy import sparse

        self._unguided = communities
        self.degrees = communities.degrees
        self._n_groups = len(guidance.names)
        self._free = guidance.fixed < 0
        self._nothing_known = bool(self._free.all()) and not guidance.seeds.nnz
        self._total = float(communities.degrees.sum())
        n, n_groups, n_free = len(guidance.fixed), self._n_groups, int(self._free.sum())
        n_nodes = n_groups + n_free  # the anchors come first
        self._nodes = guidance.fixed.copy()
        self._nodes[self._free] = n_groups + np.arange(n_free)
        member = sparse.csr_matrix((np.ones(n), (np.arange(n), self._nodes)), (n, n_nodes))
        pull = sparse.diags(communities.degrees) @ guidance.seeds
        anchored = sparse.csr_matrix((member.T @ pull).T)  # (groups, nodes)
        anchored.resize(n_nodes, n_nodes)
        links = sparse.triu(member.T @ communities.links @ member + anchored, 1).tocoo()
        not_anchors = links.col >= n_groups  # edges between two anchors are replaced
        weights = links.data[not_anchors]
        pairs = np.array(list(combinations(range(n_groups), 2)), np.int64).reshape(-1, 2)
        edges = np.column_stack([links.row[not_anchors], links.col[not_anchors]])
        apart = np.full(len(pairs), -2 * float(weights.sum()) - 1)
        edges, weights = np.vstack([edges, pairs]), np.concatenate([weights, apart])
        self._leiden = Leiden(n_nodes, edges, weights)
        self._degrees = np.asarray(member.T @ communities.degrees).ravel()
        alone = np.flatnonzero(self._degrees[:n_groups] == 0)
        self._fresh = FRESH if len(alone) else 0
        at_most_own = sparse.diags(communities.degrees) @ guidance.seeds.minimum(1)
        self._degrees[alone] = np.asarray(at_most_own.sum(axis=0)).ravel()[alone]
        seeds = guidance.seeds.tocoo()
        of_alone = np.isin(seeds.col, alone)
        self._seeds = self._nodes[seeds.row[of_alone]], seeds.col[of_alone], seeds.data[of_alone]

    @property
    def links(self) -> Any:
        """As `Communities.links`, without the anchors: symmetric CSR (n, n)."""
        return self._unguided.links

    def find(self, resolution: float, n_iterations: int, seed: int | None) -> Integers:
        """Topic of each row, int64 (n,); see `Communities.find`."""
        if self._total == 0:
            return self._nodes.copy()
        plain = self._unguided.find(resolution, n_iterations, seed)
        if self._nothing_known:
            return plain
        each_alone = np.arange(int(self._free.sum()))
        results = []
        with seeded(seed):
            for start in [plain[self._free], *[each_alone] * self._fresh]:
                start = self._n_groups + np.unique(start, return_inverse=True)[1]
                membership = [*range(self._n_groups), *start.tolist()]
                topics = self._leiden.improved(
                    self._degrees, resolution / self._total, n_iterations, membership
                )
                results.append(np.asarray(topics, dtype=np.int64))
        return max(results, key=self._seed_weight)[self._nodes]

    def _seed_weight(self, topics: Integers) -> float:
        """Total weight of the seeds that are in the topic of their anchor."""
        nodes, anchors, weights = self._seeds
        return float(weights[topics[nodes] == topics[anchors]].sum())
