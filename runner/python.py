"""A run from Python, in a notebook or a program: the same parts and keys as the command line."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import open_dict

from components.base import Layer, Result, UserError
from components.datasets.python import corpus_from
from components.reports.text import words_or_label
from runner.config.command_line import compose
from runner.job import compute, execute
from runner.terminal.suggestions import hydra_quote
from runner.tracking.folder import check_writable

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 50  # topics that a notebook shows


class RunResult(Result):
    """A `Result` that shows its topics in a notebook and gives its tables as DataFrames."""

    def topics_table(self) -> pd.DataFrame:
        """One row per topic: topic, label, size, words (best first), most typical document."""
        import pandas as pd

        from components.reports.tables import TOPICS, topic_rows

        return pd.DataFrame(topic_rows(self), columns=TOPICS)

    def documents_table(self) -> pd.DataFrame:
        """One row per document in the order given; the columns of `documents.parquet`.

        See `components.reports.tables.documents_table`.
        """
        from components.reports.tables import documents_table

        table: pd.DataFrame = documents_table(self).to_pandas()
        return table

    def layers_table(self) -> pd.DataFrame:
        """One row per topic of each layer, coarsest first; none without `clusterer.layers`."""
        import pandas as pd

        from components.reports.tables import LAYERS, layer_rows

        return pd.DataFrame(layer_rows(self), columns=LAYERS)

    def topics_at(self, k: int) -> Layer:
        """`k` broader topics, each a union of these, read off the tree over the topics.

        See `components.reports.tree.topics_at`.
        """
        from components.reports.tree import topics_at

        return topics_at(self, k)

    def _repr_html_(self) -> str:
        """The topics as a table, for notebooks; every text is escaped."""
        heads = "".join(f"<th>{head}</th>" for head in ("topic", "size", "label", "words"))
        rows = ""
        for topic in self.topics[:_ROWS]:
            cells = (topic.id, f"{topic.size:,}", topic.label, words_or_label(topic))
            styles = ("right", "right", "left", "left")  # a notebook's own is right for all
            rows += "<tr>"
            for cell, side in zip(cells, styles, strict=True):
                rows += f'<td style="text-align: {side}">{escape(str(cell))}</td>'
            rows += "</tr>"
        left = f" The first {_ROWS} are shown." if len(self.topics) > _ROWS else ""
        outside = int((self.labels < 0).sum())
        none = f", {outside:,} of them in no topic" if outside else ""
        note = f"{len(self.topics)} topics in {len(self.corpus):,} documents{none}.{left}"
        return f"<p>{note}</p><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def run(
    documents: Any = None,
    *overrides: str,
    text: str | None = None,
    label: str | Sequence[Any] | None = None,
    timestamp: str | Sequence[Any] | None = None,
    classes: Sequence[str] | Mapping[str, Sequence[Any]] = (),
    known_labels: str | Sequence[Any] | Mapping[int, Any] | None = None,
    folder: str | Path | None = None,
    config_dir: str | Path | None = None,
    **settings: Any,
) -> RunResult:
    """Find the topics of documents.

    ``run(documents, "embedder=tfidf", "clusterer.n_topics=12")`` is the same as
    ``run(documents, embedder="tfidf", clusterer={"n_topics": 12})``.

    Parameters
    ----------
    documents : list of str, column, table or Corpus, optional
        See `components.datasets.python.corpus_from`; None reads the data set that the overrides
        name, by default `dataset=lee`.
    *overrides : str
        As on the command line, in Hydra's grammar. There, a value with spaces or special characters
        needs quotes: ``"dataset.text='my column'"``.
    text, label, timestamp
        Columns of a table; `label` and `timestamp` may also be the values themselves.
    classes : sequence of str, or mapping of str to sequence
        Columns of a table, or values by name, by which reports compare topics; see
        `dataset.classes`.
    known_labels : str, sequence or mapping, optional
        As `label`, or labels by row: labels that guide the run, see `dataset.known_labels`.
    folder : str or Path, optional
        Where the reports and the record of the run are written. By default nothing is written
        but the cache (`cache.dir`), unless the run is tracked.
    config_dir : str or Path, optional
        A folder with options of your own, as `--config-dir`.
    **settings
        The same as overrides: an option of a group, or the value of a key; a dict sets keys of
        the group, or, with a `_target_`, is the part in place of an option. They follow the
        overrides.

    Returns
    -------
    RunResult

    Raises
    ------
    UserError
        Naming every mistake in the overrides, or what a part could not do.

    Notes
    -----
    A run is not logged to MLflow unless ``tracking="mlflow"`` is given. Its folder is then
    `outputs/DATE/TIME`, as on the command line, or `folder`.
    """
    if isinstance(documents, str):
        raise UserError(
            f"documents is one text: {documents[:60]!r}. Give a list of documents; for the default "
            "data set, give None before the overrides."
        )
    texts = [*overrides, *_as_overrides(settings)]
    if not any(each.startswith(("tracking=", "tracking.")) for each in texts):
        texts.insert(0, "tracking=none")
    if documents is not None:
        texts.insert(0, "dataset=python")
    config = compose(texts, config_dir)
    corpus = None
    if documents is not None:
        corpus = corpus_from(
            documents,
            text=text,
            label=label,
            timestamp=timestamp,
            classes=classes,
            known_labels=known_labels,
            missing=config.dataset.missing,
        )
    if folder is None and config.tracking.kind != "none":
        folder = config.hydra.run.dir
    choices = dict(config.hydra.runtime.choices)
    with open_dict(config):
        del config["hydra"]
    if folder is None:
        result = compute(config, corpus).result
    else:
        place = Path(folder).absolute()
        check_writable(place, "folder")
        result, record = execute(config, choices, place, corpus=corpus)
        if record.lost:
            raise UserError(record.lost)
    return RunResult(**{f.name: getattr(result, f.name) for f in dataclasses.fields(Result)})


def _as_overrides(settings: Mapping[str, Any], prefix: str = "") -> list[str]:
    texts = []
    for key, value in settings.items():
        if isinstance(value, Mapping) and "_target_" in value and not prefix:
            texts += [f"~{key}", f"+{key}={_as_text(value)}"]
        elif isinstance(value, Mapping) and not prefix:
            texts += _as_overrides(value, f"{key}.")
        else:
            texts.append(f"{prefix}{key}={_as_text(value)}")
    return texts


def _as_text(value: Any) -> str:
    """A Python value in Hydra's grammar."""
    if isinstance(value, np.bool_ | np.number):  # of np.arange, as in a loop over settings
        value = value.item()
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        if not all(re.fullmatch(r"\w+( \w+)*", str(key), re.ASCII) for key in value):
            # Hydra's grammar has no quotes for keys: the mapping goes as a text, in JSON.
            return hydra_quote(json.dumps(value, ensure_ascii=False, default=str))
        return "{" + ",".join(f"{k}: {_as_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_as_text, value)) + "]"
    if not isinstance(value, str | os.PathLike | np.generic):
        raise UserError(
            f"{value!r:.100} is an object, and a setting is a name, a number, a list or a dict. "
            'Name the class instead, in a module: {"_target_": "my_parts.Lengths", "scale": 2.0}, '
            'with trusted_targets=["my_parts"] where it is yours.'
        )
    return hydra_quote(str(value))
