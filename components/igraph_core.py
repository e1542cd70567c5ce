"""igraph without the Python package around its C library."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any


def igraph_core() -> Any:
    """The extension module of igraph, with `GraphBase`.

    `import igraph` imports matplotlib's pyplot too, which takes a quarter of a second: a seventh of
    the time that 2,000 documents take from vectors to topics. It can still follow, and then has
    the same module.
    """
    name = "igraph._igraph"
    if name not in sys.modules:
        package = find_spec("igraph")
        places = package.submodule_search_locations if package else None
        spec = PathFinder.find_spec(name, places)
        if spec is None or spec.loader is None:
            raise ModuleNotFoundError("No module named 'igraph'", name="igraph")
        sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Set the generator that igraph draws from, which is one for the whole process, and back."""
    core = igraph_core()
    core.set_random_number_generator(random.Random(seed))
    try:
        yield
    finally:
        core.set_random_number_generator(random)
