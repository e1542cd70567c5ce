"""The cache: embeddings by document, and stages (neighbour graphs, reductions) by their input."""

from __future__ import annotations

from pathlib import Path

from runner.cache.answers import AnswerCache
from runner.cache.embeddings import EmbeddingCache
from runner.cache.stages import StageCache

DEFAULT_FOLDER = ".runner-cache"  # as in conf/config.yaml


class Cache:
    """Both caches of one folder.

    Parameters
    ----------
    folder : str or Path, optional
        Several processes may use it at once. None stores nothing; the results are the same.

    Attributes
    ----------
    folder : Path or None
    embeddings : EmbeddingCache
    stages : StageCache
    answers : AnswerCache or None
        Answers of language models; None where nothing is stored.
    """

    def __init__(self, folder: str | Path | None) -> None:
        path = None if folder is None else Path(folder).expanduser().absolute()
        self.folder = path
        self.embeddings = EmbeddingCache(path)
        self.stages = StageCache(path)
        self.answers = None if path is None else AnswerCache(path)
