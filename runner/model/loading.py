"""Finds a saved model, checks that its embedder is the one that it was made with, and loads it."""

from __future__ import annotations

import functools
import hashlib
import logging
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from components.base import UserError
from components.model import folder as model_folder
from components.model.sound import faults
from components.model.state import unpack
from runner.cache import Cache
from runner.config.build import build_embedder
from runner.config.trust import PACKAGES, is_trusted
from runner.config.untrusted import leaves, programs, references, servers, trust_keys
from runner.embed import document_model
from runner.model import Model
from runner.model.alone import Fitted
from runner.model.saving import FOLDER, identity_of
from runner.terminal import secrets
from runner.tracking import record

log = logging.getLogger(__name__)

VERSIONS = {"sklearn", "version", "versions", "library", "libraries"}  # keys of an identity


def load(
    source: str | Path,
    *,
    uri: str | None = None,
    cache: str | Path | None = None,
    trusted_targets: Sequence[str] = (),
    trust: bool = False,
    stored: Mapping[str, Any] | None = None,
) -> Model:
    """Load the model of a run.

    Parameters
    ----------
    source : str or Path
        A run's output folder or its `model/` folder; a run's id in MLflow; or an MLflow address,
        `models:/topics/1`, `models:/topics@champion`, `models:/m-...`, `runs:/ID/model`.
    uri : str, optional
        The MLflow store, where `source` is in one; see `runner.tracking.uri.absolute_uri`.
    cache : str or Path, optional
        A cache folder, so that a document is embedded once; None caches nothing.
    trusted_targets : str or sequence of str
        Packages of yours whose classes the model's config may build.
    trust : bool
        Allow what the model's config asks for by `trust_remote_code` or `trust_pickle`, which is
        code that comes with the weights, and the addresses of other machines that it names, to
        which documents and the key of an API are sent.
    stored : mapping, optional
        The config node of an embedder that reads vectors from a file, for documents of the run
        itself. By default the model of such a run embeds nothing.

    Raises
    ------
    UserError
        When there is no model, it is damaged, its backend is missing, or its embedder's weights
        are not those that it was made with.
    """
    with _fetched(source, uri) as place:
        model, about, learnt = model_folder.read(place)
        digest = _digest(place / model_folder.EMBEDDER) if learnt is not None else None
    _check_about(about)
    if fault := next(faults(model), None):
        raise UserError(f"the model {about['name']} is damaged: {fault[:200]}.")
    node = about["config"]["embedder"]
    members = node["of"].values() if isinstance(node.get("of"), Mapping) else []
    targets = [each.get("_target_") for each in (node, *members) if isinstance(each, Mapping)]
    if any(str(target).endswith(".PrecomputedEmbedder") for target in targets):
        if stored is None:
            return Model(model, about, None, None, Cache(None))
        node = stored
    _check_trust(node, trust)
    if isinstance(trusted_targets, str):
        trusted_targets = [trusted_targets]
    built: Any = build_embedder(
        OmegaConf.create({"embedder": node, "trusted_targets": list(trusted_targets)})
    )
    embedder: Any
    embedder, settings = document_model(built, node)
    key = identity_of(embedder, settings)
    advice = "Install or name the weights that it was made with, or run again."
    if stored is not None:
        advice = "Type embedder.path=... of the file with the run's own vectors."
    _check_identity(about["fingerprint"], key, about, advice)
    if learnt is not None:
        _restore(embedder, learnt, about)
        embedder, key = _fitted(embedder, key, digest)
    return Model(model, about, embedder, key, Cache(cache), settings, learnt)


def own_packages(folder: str | Path) -> list[str]:
    """The packages, other than known ones, of the classes that a model's embedder is made of.

    folder : a `model/` folder
    """
    about = yaml.safe_load((Path(folder) / "model.yaml").read_text(encoding="utf-8"))
    node = about["config"]["embedder"]
    targets = {str(value) for _, key, value in leaves(node) if key == "_target_"}
    return sorted({t.partition(".")[0] for t in targets if not is_trusted(t, PACKAGES["embedder"])})


def _check_about(about: Mapping[str, Any]) -> None:
    """Refuse settings that `runner.model.saving` would not have written."""
    config = about.get("config")
    config = config if isinstance(config, dict) else {}
    values: dict[str, tuple[Any, Any]] = {
        "name": (about.get("name"), str),
        "config.dataset": (config.get("dataset"), dict),
        "config.embedder": (config.get("embedder"), dict),
        "fingerprint": (about.get("fingerprint"), (dict, type(None))),
    }
    for path, (value, kind) in values.items():
        if not isinstance(value, kind):
            raise UserError(f"the model is damaged: {path} is missing, or of another type.")


def _restore(embedder: Any, learnt: tuple[str, dict[str, Any]], about: Mapping[str, Any]) -> None:
    """Give an embedder what it has learnt."""
    if not hasattr(embedder, "set_state"):
        raise UserError(f"the model {about['name']} is damaged: its embedder learns nothing.")
    try:
        embedder.set_state(functools.partial(unpack, *learnt))
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"the model {about['name']} is damaged: what its embedder has learnt cannot be read."
        ) from error


def _fitted(
    embedder: Any, key: dict[str, Any] | None, digest: str | None
) -> tuple[Any, dict[str, Any] | None]:
    """An embedder that has learnt from a corpus, and its identity, of which that is a part."""
    members = getattr(embedder, "members", None)
    if members is None:
        key = None if key is None else {**key, "learnt": digest}
        return Fitted(embedder, key), key
    keys = {} if key is None else key["of"]
    for name, member in members.items():
        if getattr(member, "fits_corpus", False):
            members[name], keys[name] = _fitted(member, keys.get(name), digest)
    return embedder, key


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _last_run(folder: Path) -> str:
    """What to type in the place of a folder: the newest run with a model that lies below it."""
    depths = ("*", "*/*", "*/*/*")  # outputs/date/time, multirun/date/time/job
    models = [found for depth in depths for found in folder.glob(f"{depth}/{FOLDER}")]
    if not models:
        return " Give the folder that its last line names."
    return f" Give the run's own, such as {max(models, key=lambda m: m.stat().st_mtime).parent}"


@contextmanager
def _fetched(source: str | Path, uri: str | None) -> Iterator[Path]:
    """A folder that holds the model, for as long as it takes to read it."""
    path = Path(source).expanduser()
    for folder in (path, path / FOLDER, path / "artifacts" / FOLDER):
        if (folder / model_folder.SETTINGS).is_file() or (folder / model_folder.SUMS).is_file():
            yield folder
            return
    if path.is_dir():
        if (path / record.FILE).is_file():
            raise UserError(f"{path} holds no model: it was run with model=false, or it failed.")
        raise UserError(f"{path.absolute()} is not the output folder of a run.{_last_run(path)}")
    from runner.tracking.model import fetch_model

    with tempfile.TemporaryDirectory() as scratch:
        yield fetch_model(str(source), uri, Path(scratch), FOLDER)


def _check_trust(node: Any, trust: bool, path: str = "embedder") -> None:
    """A model may come from somebody else: it does no more than its user has allowed.

    Its config was written with every reference resolved, so one that is still there was put in.
    """
    if problem := next(references(node, path), None):
        raise UserError(f"the model's config is not used: {problem}")
    if trust:
        return
    if key := next(trust_keys(node, path), None):
        raise UserError(
            f"the model's config sets {key}=true, which can run code that comes with the "
            "weights. Allow it with trust=true, if you trust where they are from."
        )
    if found := next(servers(node, path), None):
        key, value = found
        raise UserError(
            f"the model's config sets {key}={secrets.mask(value)}: documents, and the key of "
            "the API, would be sent there. Allow it with trust=true, if you trust that address."
        )
    for key, value in programs(node, path):
        raise UserError(
            f"the model's config sets {key}={value}, a TensorFlow model, which is a program. Allow "
            "it with trust=true, if you trust where it is from."
        )


def _check_identity(
    saved: Mapping[str, Any] | None,
    now: Mapping[str, Any] | None,
    about: Mapping[str, Any],
    advice: str,
) -> None:
    """Raise where the embedder is not the one that the model was made with."""
    if saved is None or now is None:
        log.warning("nothing tells whether the embedder is the one that the model was made with.")
        return
    masked = secrets.mask_config
    serious, harmless = differences(masked(saved), masked(now), "then", "now")
    if serious:
        lines = "\n".join([*serious, *harmless])
        raise UserError(
            f"the model {about['name']} was made with another embedder than the one that is here:\n"
            f"{lines}\nIts vectors would not fit the topics. {advice}"
        )
    for line in harmless:
        log.warning("the embedder's library is another version: %s", line.strip())


def differences(
    one: Mapping[str, Any], other: Mapping[str, Any], name: str, other_name: str
) -> tuple[list[str], list[str]]:
    """Lines on how two embedders' identities differ: where vectors do, and where only versions do.

    Parameters
    ----------
    name, other_name : what the lines call the two
    """
    first, second = ({path: value for path, _, value in leaves(node)} for node in (one, other))
    serious: list[str] = []
    harmless: list[str] = []
    keys = dict.fromkeys([*first, *second])
    if first.get("class") != second.get("class"):
        keys = {"class": None}  # settings of two classes do not compare
    for key in keys:
        if first.get(key) == second.get(key):
            continue
        line = f"  {key}: {first.get(key)} {name}, {second.get(key)} {other_name}"
        if module := re.search(r"(?:^|\.)sources\.(.+)", key):
            line = f"  the code of {module[1]} is not the same {name} and {other_name}"
        if not key.endswith(".path"):  # where a file lies does not matter, its content does
            (harmless if set(key.split(".")) & VERSIONS else serious).append(line)
    return serious, harmless
