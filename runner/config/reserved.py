"""What only the command line may set, and no file: what runs code, or what a file could hide."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.config.hydra_keys import check_hydra
from runner.config.problems import Problem
from runner.config.refusals import key_of
from runner.config.trust import trusted_targets
from runner.config.untrusted import leaves, servers, trust_keys
from runner.terminal import secrets
from runner.terminal.suggestions import shell_quote

# Keys of Hydra's by which a file could run a program, or lead one astray.
COMMANDS = (
    "hydra.job.env_set",
    "hydra.launcher.setup",
    "hydra.launcher.additional_parameters",
    "hydra.launcher.srun_args",
    "hydra.launcher.python",
)


def check_files(config: DictConfig, typed: Collection[str]) -> Iterator[Problem]:
    """What a config file, a preset or an option of somebody's asks for, and only a user may.

    Parameters
    ----------
    config : the composed config, with Hydra's own under `hydra`
    typed : the overrides of the command line, as they were typed
    """
    keys = {key_of(text) for text in typed}
    trusted = trusted_targets(config)
    if trusted and "trusted_targets" not in keys:
        names, trusted = ",".join(trusted), []
        yield Problem(
            "trusted_targets",
            "a file sets this key, and only the command line may. If you trust these packages: "
            f"trusted_targets=[{names}]",
        )
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    hydra = plain.pop("hydra", {}) or {}
    for path in trust_keys(plain):
        if not _is_typed(path, keys):
            yield Problem(
                path, f"a file sets this key, and only the command line may. Type {path}=true"
            )
    yield from check_hydra(hydra, trusted, keys)
    settings = {key: value for key, value in hydra.items() if key not in ("overrides", "runtime")}
    for path in secrets.secrets_in(settings, "hydra"):
        yield Problem(
            path,
            "this looks like a secret, and Hydra writes its settings to disk. Remove it here, and "
            "export it in the shell.",
        )
    yield from _secret_addresses(config, plain, keys)
    yield from _open_addresses(config, plain, keys)
    yield from _driver_options(config, keys)
    for path in COMMANDS:
        value = OmegaConf.select(config, path, throw_on_missing=False) if hydra else None
        if value and not _is_typed(path, keys):
            yield Problem(
                path, "a file sets this key, and only the command line may, as it can run programs."
            )
    for key in (hydra.get("sweeper") or {}).get("params") or {}:
        name = key_of(str(key))
        if (name == "trusted_targets" or _is_trust(name) or name.startswith("hydra")) and (
            name not in keys
        ):
            yield Problem(f"hydra.sweeper.params.{key}", "only the command line may set this key.")


def check_searchpath(loader: ConfigLoaderImpl, name: str) -> Iterator[Problem]:
    """Packages whose options a file adds: Hydra would import them.

    Parameters
    ----------
    loader : of the options
    name : of the primary config
    """
    primary = loader.repository.load_config(name)
    content: Any = primary and OmegaConf.to_container(primary.config, resolve=False)
    hydra = content.get("hydra") if isinstance(content, dict) else None
    paths = hydra.get("searchpath") if isinstance(hydra, dict) else None
    for path in map(str, paths if isinstance(paths, list) else [paths]):
        if "${" in path or ("://" in path and not path.startswith("file://")):
            yield Problem(
                "hydra.searchpath",
                f"a file names {path[:200]!r}, and only the command line may: a package is "
                f"imported for it. Type {shell_quote(f'hydra.searchpath=[{path}]')}",
            )


def _secret_addresses(config: DictConfig, plain: Any, keys: Collection[str]) -> Iterator[Problem]:
    """Addresses and folders of a file's into which a reference puts a secret of the environment."""
    written = [
        where for where, _, value in leaves(plain) if "://" in str(value) and "${" in str(value)
    ]
    for path in [*written, "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir"]:
        if _is_typed(path, keys):
            continue
        try:
            resolved = str(OmegaConf.select(config, path))
        except OmegaConfBaseException:  # what only a job can resolve, or a mistake said elsewhere
            continue
        if secrets.mask(resolved) != resolved:
            yield Problem(
                path,
                f"a file puts a secret of the environment into {secrets.mask(resolved)[:200]}, and "
                "only the command line may.",
            )


def _open_addresses(config: DictConfig, plain: Any, keys: Collection[str]) -> Iterator[Problem]:
    """Servers of a file's that would get the user's key unencrypted, or may send us programs."""
    nodes = {role: plain.get(role) for role in ("embedder", "labels", "metrics")}
    for path, key, value in leaves(nodes):
        if not isinstance(value, str) or _is_typed(path, keys):
            continue
        try:
            value = str(OmegaConf.select(config, path)) if "${" in value else value
        except OmegaConfBaseException:
            continue
        if value.lower().startswith("http://") and any(servers({key: value})):
            yield Problem(
                path,
                f"a file sends documents, and the key of the API, to {secrets.mask(value)[:200]} "
                f"unencrypted, and only the command line may. Type {path}=...",
            )
    address = plain["engine"].get("address") if isinstance(plain.get("engine"), dict) else None
    if address not in (None, "auto", "???") and not _is_typed("engine.address", keys):
        yield Problem(
            "engine.address",
            "a file sets this key, and only the command line may: what workers answer can run "
            f"code. Type {shell_quote(f'engine.address={address}')}",
        )


def _driver_options(config: DictConfig, keys: Collection[str]) -> Iterator[Problem]:
    """Options of a database's driver: `?driver=` and others name a library that it loads."""
    path = "tracking.uri"
    try:
        uri = str(OmegaConf.select(config, path))
    except OmegaConfBaseException:  # the check of the values tells
        return
    scheme, is_address, rest = uri.partition("://")
    has_options = is_address and "?" in rest and scheme not in ("sqlite", "http", "https")
    if has_options and not _is_typed(path, keys):
        yield Problem(
            path,
            f"a file sets options of a database's driver, {secrets.mask(uri)[:200]}, and only the "
            "command line may: a driver can load code that they name, or send files. Type "
            f"{path}=...",
        )


def _is_trust(path: str) -> bool:
    return path.rpartition(".")[2].startswith("trust_")


def _is_typed(path: str, keys: Collection[str]) -> bool:
    """Whether a key, one above it or one below it was typed."""
    return any(
        path == key or path.startswith(f"{key}.") or key.startswith(f"{path}.") for key in keys
    )
