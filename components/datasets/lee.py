"""The Lee corpus: 300 short news texts that ship with gensim."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from components.base import Corpus, UserError
from components.datasets.columns import check_sample, to_corpus
from components.datasets.files import open_text


class LeeDataset:
    """300 news texts of the Australian Broadcasting Corporation, 2000 to 2002, without labels.

    Source: M. D. Lee, B. Pincombe, M. Welsh (2005), An empirical evaluation of models of text
    document similarity; the background corpus, from gensim's test data. gensim is not imported.

    Parameters
    ----------
    limit, seed : int, optional
        Take a sample of at most so many documents.
    """

    def __init__(self, *, limit: int | None = None, seed: int | None = None) -> None:
        self.limit = limit
        self.seed = seed
        check_sample(limit, seed)
        lee_file()

    def load(self) -> Corpus:
        file = lee_file()
        with open_text(file, "utf-8") as lines:
            documents = [line.removesuffix("\n") for line in lines]
        return to_corpus({"text": documents}, str(file)).sample(self.limit, self.seed)


def lee_file() -> Path:
    spec = importlib.util.find_spec("gensim")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder) / "test" / "test_data" / "lee_background.cor"
        if file.is_file():
            return file
    raise UserError(
        "dataset=lee reads a file that ships with gensim, and it is not there. Install it again: "
        "pip install --force-reinstall --no-deps gensim"
    )
