"""The code of a logged MLflow model: MLflow copies this file into the model, and runs it there.

It needs this package where it is loaded, and the embedder's backend with its weights.
"""

from __future__ import annotations

from typing import Any

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModel


class TopicsModel(PythonModel):  # type: ignore[misc]
    """Texts in, topics out: `runner.model.Model` as a pyfunc."""

    def load_context(self, context: Any) -> None:
        # Names that stay: models are served long after they were made.
        from runner import load
        from runner.model.loading import own_packages

        # MLflow runs the code of a model that it loads, this file: to load it is to trust it.
        folder = context.artifacts["model"]
        self.model = load(folder, trust=True, trusted_targets=own_packages(folder))

    # MLflow takes type hints here for a schema, and these inputs have one already.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Topics of the column `document`.

        Parameters
        ----------
        model_input : pandas.DataFrame
            With a column `document` of texts; a missing one is an empty document, as in a run.
        params : dict, optional
            ``batch``, "exact" or "fast"; see `runner.model.Model.predict`.

        Returns
        -------
        pandas.DataFrame
            The columns of `runner.model.Model.predict`, a row for each document.

        Raises
        ------
        MlflowException
            Where the model refuses its input: a server shows the message of no other exception.
        """
        from components.base import UserError

        batch = (params or {}).get("batch", "exact")
        documents = model_input["document"]
        texts = list(documents.where(documents.notna(), ""))
        try:
            return self.model.predict(texts, batch=batch)
        except UserError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error


mlflow.models.set_model(TopicsModel())
