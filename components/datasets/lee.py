"""The Lee corpus: 300 short news texts that ship with gensim."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from components.base import Corpus, UserError
from components.datasets.base import DatasetBase
from components.datasets.files import open_text
from components.datasets.table import to_corpus


@dataclass(kw_only=True, eq=False)
class LeeDataset(DatasetBase):
    """300 news texts of the Australian Broadcasting Corporation, 2000 to 2002, without labels.

    Source: M. D. Lee, B. Pincombe, M. Welsh (2005), An empirical evaluation of models of text
    document similarity; the background corpus, from gensim's test data. gensim is not imported.

    Parameters
    ----------
    limit, seed, missing
        See `DatasetBase`.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        lee_file()

    def read(self) -> Corpus:
        file = lee_file()
        with open_text(file, "utf-8") as lines:
            documents = [line.removesuffix("\n") for line in lines]
        return to_corpus({"text": documents}, str(file), text="text", missing=self.missing)


def lee_file() -> Path:
    """The corpus's file in the installed gensim, found without importing that."""
    spec = importlib.util.find_spec("gensim")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder) / "test" / "test_data" / "lee_background.cor"
        if file.is_file():
            return file
    raise UserError(
        "the Lee corpus is a file that ships with gensim, and it is not there. Install it again: "
        "pip install --force-reinstall --no-deps gensim"
    )
