"""What will fail in a sweep, reported before its first job: a key not set, a model not there."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from hydra.core.override_parser.overrides_parser import OverridesParser

from components.base import UserError
from components.embedders.weights import resolve
from runner.config.build import build_embedder
from runner.config.command_line import compose

log = logging.getLogger(__name__)

KEY = "embedder"


def hopeless(overrides: list[str], config_dir: str | None = None) -> Iterator[tuple[str, str]]:
    """The values of a swept `embedder` with which no job can run, each with the reason.

    Embedders are built, which loads no weights and imports no backend: what only these can tell
    fails in its job.

    Parameters
    ----------
    overrides : all of the sweep
    config_dir : a folder with more options
    """
    parsed = OverridesParser.create().parse_overrides(overrides)
    fixed = [each.input_line for each in parsed if not each.is_sweep_override()]
    swept = [each for each in parsed if each.get_key_element() == KEY and each.is_choice_sweep()]
    for value in swept[-1].sweep_string_iterator() if swept else ():
        try:
            config = compose([*(text for text in fixed if text), f"{KEY}={value}"], config_dir)
            build_embedder(config)
            model = config.embedder.get("model")
            if isinstance(model, str) and model.startswith(("pkg://", "/", ".", "~")):
                resolve(model)
        except UserError as error:
            yield value, str(error)
        except Exception:  # a fault of a part: its job shows it with its traceback
            log.debug("embedder=%s cannot be built", value, exc_info=True)
