"""The code of a logged MLflow model: MLflow copies this file into the model, and runs it there.

It needs this package where it is loaded, and the embedder's backend with its weights.
"""

from __future__ import annotations

from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel


class TopicsModel(PythonModel):  # type: ignore[misc]
    """Texts in, topics out: `runner.model.Model` as a pyfunc."""

    def load_context(self, context: Any) -> None:
        from runner import load  # a name that stays: models are served long after they were made

        # MLflow runs the code of a model that it loads, this file: to load it is to trust it.
        self.model = load(context.artifacts["model"], trust=True)

    # MLflow takes type hints here for a schema, and these inputs have one already.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Topics of the column `document`.

        Parameters
        ----------
        model_input : pandas.DataFrame
            With a column `document` of texts.
        params : dict, optional
            ``batch``, "exact" or "fast"; see `runner.model.Model.predict`.

        Returns
        -------
        pandas.DataFrame
            topic, label, strength and topic_<layer>, a row for each document.
        """
        batch = (params or {}).get("batch", "exact")
        return self.model.predict(list(model_input["document"]), batch=batch)


mlflow.models.set_model(TopicsModel())
