"""Communities of a graph of which the user knows where some rows belong."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from components.base import Guidance, Integers
from components.clusterers.graph import Communities, Leiden
from components.igraph_core import seeded

FRESH = 3  # starts from one topic each; see experiments/guided


class SteeredCommunities:
    """Leiden on a graph with one further node, the anchor, for each group of a `Guidance`.

    The rows that are fixed in a group are contracted into its anchor, with their links and
    degrees, so that they stay together whatever the algorithm does. A seed is linked to the
    anchor of its group by `Guidance.seeds` times its own degree. These links add to no degree of a
    row. An anchor without fixed rows has them as its degree, at most that of the row for each:
    modularity then counts only what is more of them in a topic than chance would put there, so
    words that stand everywhere pull nothing. Between any two anchors is more negative weight than
    there is positive weight in the graph. Leiden starts with each anchor alone and never lowers its
    objective, so no topic holds two of them.

    The rows start in the topics that they have without guidance: where nothing is known, little
    changes. Where an anchor has no fixed row they start three more times, each in a topic of its
    own: topics that are best without seeds may be no way to those that are best with them. The
    objectives of these results differ by less than a hundredth, and do not tell which is right;
    so the one stays whose topics hold the most of the seeds that are theirs.
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
        not_anchors = links.col >= n_groups  # between anchors there is only what keeps them apart
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
        """Of the documents, without the anchors: symmetric CSR (n, n)."""
        return self._unguided.links

    def find(self, resolution: float, n_iterations: int, seed: int | None) -> Integers:
        """Topic of each row, int64 (n,), as `Communities.find`."""
        if self._total == 0:
            return self._nodes.copy()
        plain = self._unguided.find(resolution, n_iterations, seed)
        if self._nothing_known:
            return plain
        each_alone = np.arange(int(self._free.sum()))
        found = []
        with seeded(seed):
            for start in [plain[self._free], *[each_alone] * self._fresh]:
                start = self._n_groups + np.unique(start, return_inverse=True)[1]
                membership = [*range(self._n_groups), *start.tolist()]
                topics = self._leiden.improved(
                    self._degrees, resolution / self._total, n_iterations, membership
                )
                found.append(np.asarray(topics, dtype=np.int64))
        return max(found, key=self._gathered)[self._nodes]

    def _gathered(self, topics: Integers) -> float:
        """Weight of the seeds that lie in the topic of their group's anchor."""
        nodes, anchors, weights = self._seeds
        return float(weights[topics[nodes] == topics[anchors]].sum())
