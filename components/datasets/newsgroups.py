"""The 20 newsgroups corpus, by scikit-learn's fetcher."""

from __future__ import annotations

import difflib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Literal

from components.base import Corpus, ParameterError, UserError
from components.datasets.base import DatasetBase
from components.datasets.table import to_corpus

URL = "https://ndownloader.figshare.com/files/5975967"
ARCHIVE = "20news-bydate.tar.gz"


@dataclass(kw_only=True, eq=False)
class NewsgroupsDataset(DatasetBase):
    """18,846 posts of 1993 to 20 newsgroups, each with the name of its group as its label.

    The first run fetches 14 MB, checked by sha256, into scikit-learn's data folder. scikit-learn
    keeps its copy there as a pickle, so name only a `data_home` that nobody else can write to.

    Parameters
    ----------
    subset : {"all", "train", "test"}
    remove_headers, remove_footers, remove_quotes : bool
        Leave out what gives a post's group away: the header block, the signature, quoted lines.
    categories : list of str, optional
        Names of groups; None takes all 20.
    data_home : str, optional
        scikit-learn's data folder; None is `$SCIKIT_LEARN_DATA`, or `~/scikit_learn_data`.
    limit, seed, missing
        See `DatasetBase`.
    """

    subset: Literal["all", "train", "test"] = "all"
    remove_headers: bool = True
    remove_footers: bool = True
    remove_quotes: bool = True
    categories: list[str] | None = None
    data_home: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.subset not in ("all", "train", "test"):
            raise ParameterError("subset", self.subset, "must be all, train or test.")

    def read(self) -> Corpus:
        from sklearn.datasets import fetch_20newsgroups

        remove = {
            "headers": self.remove_headers,
            "footers": self.remove_footers,
            "quotes": self.remove_quotes,
        }
        try:
            with timeout(20):
                bunch = fetch_20newsgroups(
                    data_home=self.data_home,
                    subset=self.subset,
                    remove=tuple(name for name, wanted in remove.items() if wanted),
                    shuffle=False,
                    n_retries=1,
                    delay=1.0,
                )
        except (OSError, HTTPException) as error:
            home = self.data_home or os.environ.get("SCIKIT_LEARN_DATA", "~/scikit_learn_data")
            place = Path(home).expanduser() / "20news_home" / ARCHIVE
            raise UserError(
                "the 20 newsgroups are not on this machine and could not be downloaded "
                f"({error}). Download {URL} on another machine and save it as {place}, or set "
                "data_home to a folder where scikit-learn has stored them before. The data set "
                "lee needs no network."
            ) from error
        names = [bunch.target_names[target] for target in bunch.target]
        values = {"text": list(bunch.data), "label": names}
        if self.categories is not None:
            check_categories(self.categories, bunch.target_names)
            chosen = [row for row, name in enumerate(names) if name in self.categories]
            values = {role: [column[row] for row in chosen] for role, column in values.items()}
        return to_corpus(values, "20 newsgroups", text="text", label="label", missing=self.missing)


def check_categories(categories: list[str], names: list[str]) -> None:
    """Raise a `ParameterError` that names the nearest newsgroup, if one does not exist."""
    for name in categories:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"Did you mean '{near[0]}'?" if near else f"There are {', '.join(names)}."
            raise ParameterError("categories", name, f"there is no such newsgroup. {hint}")


@contextmanager
def timeout(seconds: float) -> Iterator[None]:
    """Give up on a network that does not answer: the fetcher itself would wait for minutes."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
