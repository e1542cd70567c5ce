"""`experiment=choose_embedder`: a sweep over the embedders that are installed, on a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from components.base import UserError
from runner.config import schema
from runner.config.build import build_part
from runner.leaderboard.ranking import Ranking
from runner.leaderboard.recommendation import PRESET
from runner.terminal.console import say

# Those that need no key and no network, cheapest first. Of embedders that give the same vectors
# by another library, only one is here.
CANDIDATES = (
    "tfidf sklearn model2vec gensim_glove spacy_md use_multilingual minilm spacy_trf".split()
)
DOCUMENTS = 500  # of the first sample
GROWTH = 4  # times as many in the next one
LEAST_GROWTH = 2  # where there is no time for that; less would tell little more
QUICK_MINUTES = 2.0
ALONE = "One embedder, and so no choice:"


def expand(arguments: Sequence[str]) -> list[str]:
    """The command line of the sweep that `experiment=choose_embedder` stands for.

    Adds the embedders to try, the size of the sample, and, with `quick=true`, the time that may
    be used, where they are not given. Any other command line is returned as it is.

    Raises
    ------
    UserError
        When `choose.embedders` is not a list of names, or no candidate is installed.
    """
    overrides = _parsed(arguments)
    if overrides.get("experiment") != PRESET:
        return list(arguments)
    added = []
    if "embedder" not in overrides:
        trusted = overrides.get("trusted_targets") or []
        embedders = _embedders(overrides.get("choose.embedders"), trusted)
        added.append(f"embedder={','.join(embedders)}")
    quick = overrides.get("quick") is True
    if "dataset.limit" not in overrides:
        added.append(f"dataset.limit={DOCUMENTS}")
        added.append(f"choose.grows={str(not quick).lower()}")
    if quick and "choose.minutes" not in overrides:
        added.append(f"choose.minutes={QUICK_MINUTES}")
    return [*arguments, *added]


def sample_of(ranking: Ranking, about: dict[str, Any]) -> str:
    """What sample the statement on the embedders rests on; empty where nobody chose it."""
    if "limit" not in about or not ranking.rows:
        return ""
    n = max(row.metrics["n_documents"].mean for row in ranking.rows)
    why = f" ({about['why']})" if about["why"] else ""
    return f"On {n:,.0f} documents{why}:"


def _embedders(chosen: object, trusted: object) -> list[str]:
    if chosen is None:
        names = [name for name in CANDIDATES if installed(name)]
        if not names:
            raise UserError("no embedder is installed that needs no key: choose.embedders=[...]")
        if len(names) > 1:
            say(f"Embedders to compare: {', '.join(names)}", error=True)
        else:
            say(f"{ALONE} {names[0]} is the only one that is installed.", error=True)
        return names
    if not isinstance(chosen, list) or not chosen:
        raise UserError(
            f"choose.embedders={chosen}: must be a list of names, as in "
            "'choose.embedders=[minilm,tfidf]'"
        )
    if len(chosen) == 1:
        say(f"{ALONE} choose.embedders names {chosen[0]} alone.", error=True)
    return [str(name) for name in chosen]


def installed(embedder: str) -> bool:
    """Whether an option of the group `embedder` can be built as it is; no model is loaded."""
    schema.register()
    with initialize_config_module("conf", version_base="1.3"):
        config = compose("config", [f"embedder={embedder}"])
        try:
            build_part(config, "embedder")
        except UserError:
            return False
    return True


def _parsed(arguments: Sequence[str]) -> dict[str, object]:
    """Values by key; what cannot be read, or is swept, is left to the check of the command line."""
    values: dict[str, object] = {}
    parser = OverridesParser.create()
    for text in arguments:
        try:
            override: Override = parser.parse_overrides([text])[0]
        except HydraException:
            continue
        if not override.is_sweep_override():
            values[override.get_key_element()] = override.value()
        elif override.get_key_element() == "embedder":
            values["embedder"] = text
    return values
