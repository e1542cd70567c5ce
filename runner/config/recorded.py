"""A recorded config is data, and may come from somebody else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from components.base import UserError
from runner.cache import DEFAULT_FOLDER
from runner.config.refusals import unresolved
from runner.config.schema import RunConfig
from runner.config.trust import PACKAGES, PLAIN, is_trusted
from runner.config.untrusted import places, plain_references_only, targets, trust_keys
from runner.terminal.arguments import names_in
from runner.terminal.suggestions import shell_line
from runner.tracking import record

TRUST_FLAG = "trust_this_run"  # trusts the files and addresses of a recorded config
TRUST = f"--{TRUST_FLAG.replace('_', '-')}"  # as it is typed
MOVED = ("dataset.path", "embedder.path")  # of files, which may lie elsewhere now


def recorded_config(
    recorded: Path,
    options: Mapping[str, str],
    command: str,
    words: Sequence[str],
    replaced: Sequence[str] = (),
    *,
    trust: bool,
) -> DictConfig:
    """A run's recorded config as data: it does no more than the user has allowed.

    Parameters
    ----------
    recorded : the run's folder
    options : cache, trusted_targets and `MOVED`, as they were typed
    command, words : the sub-command and its arguments, for the command that a message suggests
    replaced : keys of the config whose values are not used
    trust : whether the user trusts the files and addresses that it names

    Raises
    ------
    UserError
        Naming all that the user would have to allow.
    """
    plain = record.load_config(recorded)
    plain |= {key: {} for key in replaced}
    moved = {key: options[key] for key in MOVED if key in options}
    for key, place in moved.items():
        role = plain.get(key.partition(".")[0])
        if not isinstance(role, dict) or "path" not in role:
            raise UserError(f"{key}={place}: this run reads no file there. Leave {key} out.")
        role["path"] = place
    if problems := list(plain_references_only(plain)):
        raise UserError("\n".join(["this recorded config is not run.", *map(str, problems)]))
    plain["trusted_targets"] = names_in(options.get("trusted_targets", ""))
    plain["cache"] = {"dir": DEFAULT_FOLDER}
    engine = plain.get("engine", {})
    if isinstance(engine, dict):  # this machine embeds, not the cluster that a config names
        plain["engine"] = {key: engine[key] for key in ("backend",) if key in engine}
    if "cache" in options:
        plain["cache"]["dir"] = None if options["cache"] == "null" else options["cache"]
    packages = untrusted_packages(plain, plain["trusted_targets"])
    requests = [f"build classes of {package}" for package in packages]
    trusted_keys = list(trust_keys(plain))
    if not trust:
        requests += [f"allow {path}" for path in trusted_keys]
        # No command uses these three of a recorded config.
        used = {k: v for k, v in plain.items() if k not in ("tracking", "leaderboard", "cache")}
        requests += [f"use {path}={value}" for path, value in places(used) if path not in moved]
    if requests:
        again = [word for word in words if word != TRUST]
        if packages:
            again = [word for word in again if not word.startswith("trusted_targets=")]
            again.append(f"trusted_targets=[{','.join([*plain['trusted_targets'], *packages])}]")
        raise UserError(
            "a recorded config may come from somebody else. This one would\n"
            + "".join(f"  {line[:200]}\n" for line in requests)
            + "If you trust it: "
            + shell_line(command, *again, TRUST)
        )
    try:
        config = OmegaConf.merge(RunConfig, plain)
    except OmegaConfBaseException as error:
        reason = unresolved(error)[:200]
        raise UserError(f"{recorded / 'config.yaml'} is not a recorded config: {reason}") from error
    assert isinstance(config, DictConfig)
    return config


def untrusted_packages(nodes: dict[str, Any], trusted: Collection[str]) -> list[str]:
    """The packages that the roles' targets lie in, and that are not trusted."""
    packages: dict[str, None] = {}
    for role in PACKAGES:
        for _, part in targets(nodes.get(role), role):
            target = part["_target_"]
            known = (*PACKAGES[role], *PLAIN, *trusted)
            if isinstance(target, str) and not is_trusted(target, known):
                packages[target.partition(".")[0]] = None
    return list(packages)
