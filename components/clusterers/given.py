"""The labels of the data set as topics."""

from __future__ import annotations

from components.base import Guidance, Integers, Matrix, UserError


class GivenClusterer:
    """Each label of the data set (`dataset.label`) is a topic, and the topic's name.

    Documents without a label are outliers; ``outliers=assign`` assigns them to the nearest topic.
    """

    uses_labels = True

    def fit_predict(self, X: Matrix, *, guidance: Guidance | None = None) -> Integers:
        """The label of each document by its number, int64 (n,); -1 where it has none.

        Parameters
        ----------
        X : ignored
        guidance : Guidance
            The labels, as `fixed`.

        Raises
        ------
        UserError
            Where the data set has no labels: `guidance` is None.
        """
        if guidance is None:
            raise UserError(
                "clusterer=given takes the data set's labels for topics, and there are none. Name "
                "their column: dataset.label=COLUMN, or choose clusterer=leiden, which needs none."
            )
        return guidance.fixed
