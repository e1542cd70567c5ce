"""Which of several runs to trust, when no document has a label.

Three measures that compare between embedders are combined: how well the words alone predict a
run's topics (`words_ami`), how far two halves of the documents agree on them (`stability`), and
how far the other runs agree with them (`consensus`, computed here); with them counts how well
embedders of the same kind did on labelled corpora, and whether a run has far fewer topics than the
others. How often the combination is right is measured in experiments/which_measure_to_trust.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.agreement import adjusted_mutual_information
from components.base import Integers

Numbers = NDArray[np.float64]

# All in AMI, from the seventeen corpora of experiments/which_measure_to_trust. How much further
# above the other embedders a kind was in agreement with labels than in the measures below:
SENTENCES, WORD_VECTORS, WORD_COUNTS = 0.10, -0.03, -0.07
KIND_PRIORS = {
    "SentenceTransformerEmbedder": SENTENCES,
    "UseEmbedder": SENTENCES,
    "UseMultilingualEmbedder": SENTENCES,
    "OpenAIEmbedder": SENTENCES,
    "CohereEmbedder": SENTENCES,
    "FastEmbedEmbedder": SENTENCES,
    "Model2VecEmbedder": WORD_VECTORS,
    "GensimEmbedder": WORD_VECTORS,
    "FlairWordEmbedder": WORD_VECTORS,
    "SpacyEmbedder": WORD_VECTORS,
    "SklearnEmbedder": WORD_COUNTS,
}
SLOPE = 0.3  # of a lead in one of the three measures, what is left with labels
MOST = 0.15  # a lead or a lag in one measure counts no further
HALVED = 0.07  # lost each time that the topics are half as many: few are easily agreed on


def topic_agreement(topics: Sequence[Integers], voters: Sequence[int] | None = None) -> Numbers:
    """Adjusted mutual information of partitions of the same documents.

    Parameters
    ----------
    topics : r arrays int (n,), -1 a group like the others
    voters : v of them, by number, to compare each with; None: all

    Returns
    -------
    float64 (r, v)
    """
    voters = range(len(topics)) if voters is None else voters
    agreement = np.ones((len(topics), len(voters)))
    values: dict[frozenset[int], float] = {}
    for i in range(len(topics)):
        for column, j in enumerate(voters):
            pair = frozenset((i, j))
            if i != j and pair not in values:
                values[pair] = adjusted_mutual_information(topics[i], topics[j])
            agreement[i, column] = values.get(pair, 1.0)
    return agreement


def neighbor_overlap(neighbors: Sequence[Integers]) -> Numbers:
    """Share of nearest neighbours that each two spaces have in common, adjusted for chance.

        (mean over documents of |N_i(d) and N_j(d)| / k - c) / (1 - c),   c = k / (n - 1)

    (the mutual k-nearest-neighbour measure of Huh et al. 2024, arXiv:2405.07987, less what random
    neighbours have in common).

    Parameters
    ----------
    neighbors : r arrays int (n, k)
        Row numbers, each row's different from each other, or -1 where a space has none. A row
        that begins with -1 counts for no pair.

    Returns
    -------
    float64 (r, r), symmetric, 1 on the diagonal
    """
    r, (n, k) = len(neighbors), neighbors[0].shape
    chance = k / (n - 1)
    overlap = np.eye(r)
    # One number for each pair of a document and its neighbour, so that a set operation counts.
    size = 1 + max(int(rows.max()) for rows in neighbors)
    pairs = [
        np.where(rows >= 0, np.arange(n)[:, None] * size + rows, -1 - number)
        for number, rows in enumerate(neighbors)
    ]
    for i in range(r):
        for j in range(i):
            both = (neighbors[i][:, 0] >= 0) & (neighbors[j][:, 0] >= 0)
            if not both.any():
                overlap[i, j] = overlap[j, i] = 0.0
                continue
            common = len(np.intersect1d(pairs[i][both], pairs[j][both]))
            value = (common / (k * both.sum()) - chance) / (1 - chance)
            overlap[i, j] = overlap[j, i] = value
    return overlap


def voting_weights(overlap: Numbers, counts: NDArray[np.bool_] | None = None) -> Numbers:
    """How much run j counts when run i is judged, (r, r): by how little it repeats others.

        w_ij = r_j (1 - R_ij),   r_j = 1 / sum over k of R_jk

    with R the overlap of neighbours, negative values counted as 0. Variants of one model would
    otherwise vote for each other: together they count little more than one.

    Parameters
    ----------
    overlap : float64 (r, r)
    counts : bool (r,), optional
        Which runs have a vote, and are the k of the sum; None: all.
    """
    repeated = np.clip(overlap, 0, 1)
    counts = np.ones(len(overlap), bool) if counts is None else counts
    repeats = np.where(counts, repeated, 0).sum(axis=1)  # 1 at least of who has a vote: itself
    weights: Numbers = np.where(counts, (1 - repeated) / np.maximum(repeats, 1)[None, :], 0.0)
    return weights


def consensus(
    agreement: Numbers,
    overlap: Numbers,
    voter_of: Integers | None = None,
    silent: NDArray[np.bool_] | None = None,
) -> Numbers:
    """Mean agreement of each run with the voters, weighted by `voting_weights`: (r,).

    Parameters
    ----------
    agreement : float64 (r, v)
        Of topics, or of neighbours for the consensus on these.
    overlap : float64 (v, v)
        Of the voters' neighbours.
    voter_of : int64 (r,), optional
        The voter with each run's settings, which does not count for it. None: r = v, and
        each run is a voter.
    silent : bool (v, v), optional
        Who, of the columns, has no vote on whom, of the rows: an ensemble on nobody, its members
        not on the ensemble, as they would vote for themselves. See `votes`.

    Returns
    -------
    float64 (r,)
        NaN where no voter says anything that the run itself does not say.
    """
    r = len(agreement)
    voter_of = np.arange(r) if voter_of is None else voter_of
    weights = votes(overlap, silent)[voter_of]
    weights[np.arange(r), voter_of] = 0
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 1e-9, (weights * agreement).sum(axis=1) / total, np.nan)


def votes(overlap: Numbers, silent: NDArray[np.bool_] | None = None) -> Numbers:
    """`voting_weights` where not everybody votes on everybody: (v, v).

    Who votes on an ensemble counts for it as for its members, on average.

    Parameters
    ----------
    overlap : float64 (v, v)
    silent : bool (v, v), optional
        See `consensus`.
    """
    if silent is None:
        return voting_weights(overlap)
    counts: NDArray[np.bool_] = np.any(~silent, axis=0)
    weights = voting_weights(overlap, counts)
    for ensemble in np.flatnonzero(~counts):
        members = counts & silent[ensemble]
        if members.any():
            weights[ensemble] = weights[members].mean(axis=0)
    return np.where(silent, 0.0, weights)


def choice_score(
    *measures: Numbers,
    prior: Numbers | None = None,
    n_topics: Numbers | None = None,
    among: NDArray[np.bool_] | None = None,
) -> Numbers:
    """By how much each run's AMI with labels is above the mean of the runs, as far as one can tell.

        SLOPE * sum over the measures of its lead over their mean, truncated to [-MOST, MOST]
        + prior - HALVED * max(0, log2(median number of topics / its own)),   less the mean

    A lead is truncated so that no measure outweighs the others: the words of a document favour
    embedders that count words, halves agree on the topics of embedders with few dimensions. The
    estimate is small where little is measured, and then `prior` decides. See
    experiments/which_measure_to_trust.

    A measure that any run lacks (NaN) is left out; NaN where none is left. The scores compare the
    runs of one sweep, and nothing beyond it.

    Parameters
    ----------
    *measures : float64 (r,), words_ami, stability and consensus
    prior : float64 (r,), optional
        See `kind_prior`; NaN where nothing is known, which counts as 0.
    n_topics : float64 (r,), optional
    among : bool (r,), optional
        The runs whose means and median count; None: all. The others, which are ensembles of
        them, change no other's score; a measure that one of these lacks is left out for it.

    Returns
    -------
    float64 (r,), in AMI
    """
    among = np.ones(len(measures[0]), bool) if among is None else among
    leads = [v - v[among].mean() for v in measures if np.isfinite(v[among]).all()]
    if not leads:
        return np.full(len(measures[0]), np.nan)
    # What is beyond MOST decides between equals.
    counted = [np.clip(lead, -MOST, MOST) + 1e-3 * lead for lead in leads]
    estimate: Numbers = SLOPE * np.nan_to_num(counted).sum(axis=0)
    if prior is not None:
        estimate = estimate + np.nan_to_num(prior)
    if n_topics is not None:
        halvings = np.log2(np.median(n_topics[among]) / np.maximum(n_topics, 1))
        estimate = estimate - HALVED * np.maximum(halvings, 0)
    centered: Numbers = estimate - estimate[among].mean()
    return centered


def kind_prior(embedder: str) -> float:
    """`KIND_PRIORS` of an embedder by the dotted name of its class; NaN where nothing is known."""
    return KIND_PRIORS.get(embedder.rpartition(".")[2], float("nan"))
