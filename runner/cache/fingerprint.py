"""What identifies a part in the cache: all that changes its results, and nothing that does not."""

from __future__ import annotations

import ast
import hashlib
import inspect
import logging
import sys
import textwrap
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from components import file_hash
from components.embedders.adapt import FunctionEmbedder
from components.embedders.ensemble import EnsembleEmbedder
from runner.cache.sources import NoSourceError, sources

log = logging.getLogger(__name__)

# Arguments by these names change how fast a result comes, or where a copy of a file lies.
NEUTRAL = frozenset(
    "device devices n_jobs n_process num_workers show_progress_bar show_progress verbose "
    "concurrency timeout max_retries cache_dir cache_folder".split()
)
# The vector of a document depends on its batch in the last bits at most. A reducer by batches, as
# IncrementalPCA, gives another result.
OF_EMBEDDERS = NEUTRAL | {"batch_size"}
SEEDS = ("random_state", "seed", "random_seed")
MOST_FILES = 10_000


class UnknownError(Exception):
    """Nothing tells whether a part is the same as before."""


def identity(
    part: Any, settings: Mapping[str, Any], folder: Path | None = None
) -> dict[str, Any] | None:
    """The one identity of a part, for embeddings and for stages.

    The part's own `fingerprint()`. For a class without one: its name, its settings without
    what changes no result, the content of every file and folder that they name, the source of
    its module and of the user's own modules that it imports, and the versions of the libraries
    involved. A module that is imported by a computed name, and a file that is named in the code
    and not in the settings, are not seen: such a class needs a `fingerprint()`.

    Parameters
    ----------
    part : object or function
    settings : mapping
        The config node that it was built from, resolved. Empty for a part that was built in
        Python: then the constructor's arguments count, which it must hold as attributes.
    folder : Path, optional
        The cache's folder, where hashes of large files are remembered.

    Returns
    -------
    dict that `json.dumps` takes; None where the part must not be cached: it draws random
    numbers without a seed, or nothing tells what it is. The log says which.
    """
    name = getattr(part, "__qualname__", type(part).__qualname__)
    remembered = None if folder is None else folder / "files"
    try:
        with file_hash.remembering(remembered):
            described = _describe(part, settings)
    except (UnknownError, NoSourceError, RecursionError) as reason:
        log.info("%s is not cached: %s. Give it a method fingerprint().", name, reason)
        return None
    if _unseeded(described) or _draws(part, settings):
        log.info("%s is not cached: it has no seed, so its result cannot be repeated.", name)
        return None
    return described


def _describe(part: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(part, FunctionEmbedder):
        part = part.function
    if isinstance(part, EnsembleEmbedder):
        nodes = settings.get("of")
        nodes = nodes if isinstance(nodes, Mapping) else {}
        members = part.members.items()
        return {"of": {name: _describe(member, nodes.get(name, {})) for name, member in members}}
    kind = type(part)
    owner = next((cls for cls in kind.__mro__ if "fingerprint" in vars(cls)), None)
    if owner is None:
        return _default(part, settings)
    identity: dict[str, Any] = part.fingerprint()
    if _top(owner) == _top(kind):
        return identity
    # It was written for another class. What this one changes, only its source tells.
    return {"fingerprint": identity, **_default(part, settings or {"_target_": _name(kind)})}


def _default(part: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    made_from = _made_from(part)
    modules = set(_targets(settings))
    if settings:
        values = _value(settings, _neutral(made_from), modules)
    else:
        values = _arguments(part, modules)
    classes = made_from.__mro__ if isinstance(made_from, type) else (made_from,)
    modules |= {str(cls.__module__) for cls in classes}
    content = {"class": _name(made_from), "settings": values}
    if "__main__" in modules and not getattr(inspect.getmodule(made_from), "__file__", None):
        modules.discard("__main__")
        content["source"] = _typed_source(made_from, modules)
    return content | sources(modules)


def _made_from(part: Any) -> Any:
    """The class or function behind a part."""
    if isinstance(part, partial):
        return _made_from(part.func)
    return part if inspect.isroutine(part) or inspect.isclass(part) else type(part)


def _neutral(made_from: Any) -> frozenset[str]:
    reduces = hasattr(made_from, "fit_transform") and not hasattr(made_from, "encode")
    return NEUTRAL if reduces else OF_EMBEDDERS


def _typed_source(thing: Any, modules: set[str]) -> str:
    """Of what was typed into a notebook; adds the modules whose names it uses."""
    try:
        source = inspect.getsource(thing)
        tree = ast.parse(textwrap.dedent(source))
    except (OSError, TypeError, SyntaxError) as error:
        raise UnknownError("its source cannot be read") from error
    typed = vars(sys.modules["__main__"])
    for name in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & set(typed):
        value = typed[name]
        module = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
        if value is thing:
            continue
        if module in (None, "__main__"):  # its next run may find another value there
            raise UnknownError(f"it uses {name}, which was typed too")
        modules.add(module)
    return hashlib.sha256(source.encode()).hexdigest()


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _top(cls: type) -> str:
    return cls.__module__.partition(".")[0]


def _targets(node: Any) -> Iterator[str]:
    """The modules that the settings name classes of, at any depth."""
    if isinstance(node, Mapping):
        if isinstance(target := node.get("_target_"), str):
            yield target.rpartition(".")[0]
        for value in node.values():
            yield from _targets(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _targets(value)


def _arguments(part: Any, modules: set[str]) -> Any:
    """What a part's constructor was given, by the attributes that hold it."""
    if isinstance(part, partial):
        return _value([part.args, part.keywords], NEUTRAL, modules)
    if inspect.isclass(part):
        return {}
    if inspect.isroutine(part):
        cells = [cell.cell_contents for cell in getattr(part, "__closure__", None) or ()]
        defaults = [getattr(part, "__defaults__", None), getattr(part, "__kwdefaults__", None)]
        return _value([cells, defaults], NEUTRAL, modules)
    neutral = _neutral(type(part))
    values = {}
    for name, parameter in _parameters(type(part)).items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            if not hasattr(part, name):
                raise UnknownError(f"its arguments *{name} are not known")
        elif name in neutral:
            continue
        held = next((a for a in (name, f"_{name}") if hasattr(part, a)), None)
        if held is None:
            raise UnknownError(f"it does not hold its argument {name!r} as an attribute")
        values[name] = _value(getattr(part, held), neutral, modules)
    return values


def _parameters(cls: type) -> dict[str, inspect.Parameter]:
    if inspect.getattr_static(cls, "__init__") is object.__init__:
        return {}
    try:
        init = inspect.signature(inspect.getattr_static(cls, "__init__"))
    except (TypeError, ValueError) as error:  # compiled
        raise UnknownError("its constructor has no signature") from error
    _, *parameters = init.parameters.values()  # the first is self
    return {parameter.name: parameter for parameter in parameters}


def _value(value: Any, neutral: frozenset[str], modules: set[str]) -> Any:
    """A setting as JSON, with the content of what it names."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | Path):
        content = _content(str(value))
        return str(value) if content is None else {"path": str(value), "content": content}
    if isinstance(value, Mapping):
        return {
            str(key): _value(item, neutral, modules)
            for key, item in value.items()
            if key not in neutral
        }
    if isinstance(value, list | tuple):
        return [_value(item, neutral, modules) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((_value(item, neutral, modules) for item in value), key=repr)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        data = np.ascontiguousarray(value).tobytes()
        return [value.dtype.str, list(value.shape), hashlib.sha256(data).hexdigest()]
    return _nested(value, modules)


def _nested(value: Any, modules: set[str]) -> Any:
    """A part inside a part."""
    made_from = _made_from(value)
    name = _name(made_from)
    if inspect.isbuiltin(value) or _top_is_builtin(made_from):
        if value is made_from:
            return name
        raise UnknownError(f"nothing tells what its {name} holds")
    if "fingerprint" in dir(type(value)):
        return {"class": name, "fingerprint": value.fingerprint()}
    modules.add(made_from.__module__)
    return {"class": name, "arguments": _arguments(value, modules)}


def _top_is_builtin(thing: Any) -> bool:
    return thing.__module__ is None or thing.__module__ == "builtins"


def _content(text: str) -> str | None:
    """The hash of the file or folder that a setting names; None where there is none.

    A text without a letter or digit, such as "/" or ".", is not taken for a path.
    """
    if len(text) > 1024 or "\0" in text or not any(map(str.isalnum, text)):
        return None
    try:
        path = Path(text).expanduser()
        if path.is_dir():
            if len(file_hash.files_in(path)) > MOST_FILES:
                raise UnknownError(f"the folder {text} holds more than {MOST_FILES:,} files")
        elif not path.is_file():
            return None
        return file_hash.sha256(path)
    except RuntimeError:  # ~ of nobody
        return None
    except OSError as error:
        raise UnknownError(f"{text} cannot be read ({error.strerror})") from error


def _unseeded(node: Any) -> bool:
    """Whether a seed of None is anywhere in it."""
    if isinstance(node, Mapping):
        return any(
            (key in SEEDS and value is None) or _unseeded(value) for key, value in node.items()
        )
    return isinstance(node, list) and any(map(_unseeded, node))


def _draws(part: Any, settings: Mapping[str, Any]) -> bool:
    """Whether a part has a seed that is left at None by its constructor."""
    made_from = _made_from(part)
    if not isinstance(made_from, type) or "fingerprint" in dir(made_from):
        return False
    try:
        parameters = _parameters(made_from)
    except UnknownError:
        return False
    return any(
        name in parameters
        and name not in settings
        and getattr(part, name, parameters[name].default) is None
        for name in SEEDS
    )
