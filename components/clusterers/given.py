"""Topics that exist already: the data set's own labels."""

from __future__ import annotations

from components.base import Guidance, Integers, Matrix, UserError


class GivenClusterer:
    """Takes the labels of the data set (`dataset.label`) for topics; a label is a topic's name.

    Documents without a label have no topic; ``outliers=assign`` gives each that of the nearest.
    """

    uses_labels = True

    def fit_predict(self, X: Matrix, *, guidance: Guidance | None = None) -> Integers:
        """The group of each document, int64 (n,); -1 where its label is not known.

        Raises
        ------
        UserError
            When no document has a label.
        """
        if guidance is None:
            raise UserError(
                "clusterer=given takes the data set's labels for topics, and there are none. Name "
                "their column: dataset.label=COLUMN, or choose clusterer=leiden, which needs none."
            )
        return guidance.fixed
