"""What the user knows of the topics before any is found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from components.errors import ParameterError


@dataclass(frozen=True)
class Knowledge:
    """Seeds and names of topics that the user wants to see.

    Parameters
    ----------
    seeds : mapping of name to list of (str or int)
        Of each topic: words, phrases, and rows of the data set, counted from 0.
    weight : float
        How strongly seeds pull, above 0.
    names : list of str
        Names to whose documents no other topic is open.
    threshold : "auto" or float
        See `components.topics.zeroshot.near_names`.

    Raises
    ------
    ParameterError
        When a value has another form, a name or a seed stands twice, or a number is out of range.
    """

    seeds: Mapping[str, Sequence[str | int]] = field(default_factory=dict)
    weight: float = 6.0
    names: Sequence[str] = ()
    threshold: Literal["auto"] | float = "auto"

    def __post_init__(self) -> None:
        if not isinstance(self.seeds, Mapping):
            raise ParameterError(
                "seeds", self.seeds, "must name topics, as in {billing: [invoice, charge]}."
            )
        if isinstance(self.names, str) or not isinstance(self.names, Sequence):
            raise ParameterError("names", self.names, "must be a list, as in [billing,delivery].")
        _check_names("seeds", list(self.seeds))
        _check_names("names", self.names)
        if not _is_number(self.weight) or not 0 < self.weight < math.inf:
            raise ParameterError("weight", self.weight, "must be a number above 0.")
        if self.threshold != "auto" and not (
            _is_number(self.threshold) and -1 <= self.threshold <= 1
        ):
            raise ParameterError(
                "threshold", self.threshold, "must be auto, or a cosine from -1 to 1."
            )
        owner: dict[str | int, str] = {}
        for name, seeds in self.seeds.items():
            if isinstance(seeds, str) or not isinstance(seeds, Sequence) or not len(seeds):
                raise ParameterError(
                    f"seeds.{name}",
                    seeds,
                    "must be a list of words or row numbers, as in [invoice, charge, 17].",
                )
            for seed in seeds:
                key = seed.strip().lower() if isinstance(seed, str) else seed
                if isinstance(seed, bool) or not isinstance(seed, str | int) or key == "":
                    raise ParameterError(
                        f"seeds.{name}", seed, "a seed is a word, a phrase or a row number."
                    )
                if owner.setdefault(key, name) != name:
                    raise ParameterError(
                        f"seeds.{name}",
                        seed,
                        f"is a seed of {owner[key]!r} too. Leave it out of one of the two.",
                    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_names(parameter: str, names: Sequence[Any]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        plain = " ".join(str(name).lower().split())
        if not plain:
            raise ParameterError(parameter, list(names), "a name is empty. Leave it out.")
        if plain in seen:
            raise ParameterError(
                parameter,
                list(names),
                f"{seen[plain]!r} and {str(name)!r} are one name. Leave one of them out.",
            )
        seen[plain] = str(name)
