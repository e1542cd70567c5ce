"""Which of Hydra's own keys a file may set, and to what: by some of them code could be run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from runner.config.problems import Problem
from runner.config.trust import is_trusted
from runner.config.untrusted import items, leaves

# What Hydra itself may build before a run starts.
HYDRA_CLASSES = (
    "runner.sweep.SweepCallback",
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
)
LOGGING = (
    "runner.terminal.secrets.MaskingFormatter",
    "logging.StreamHandler",
    "logging.FileHandler",
    "logging.NullHandler",
    "logging.handlers.RotatingFileHandler",
    "logging.Formatter",
    "logging.Filter",
    "colorlog.ColoredFormatter",
    "ext://sys.stdout",
    "ext://sys.stderr",
)
_LOGGING_SECTIONS = ("job_logging", "hydra_logging")
_SECTIONS = ("callbacks", "launcher", "sweeper", *_LOGGING_SECTIONS)  # Hydra builds what they say
# A log lies in the folder of its run, and is called a log.
_LOG_FILE = re.compile(r"\$\{hydra\.runtime\.output_dir\}/(\$\{hydra\.job\.name\}|\w[\w.-]*)\.log")
# References in what Hydra builds: to texts, by the types that Hydra gives them. Others may lead to
# a class, and to another value once Hydra resolves them.
_TEXTS = re.compile(
    r"\$\{(hydra\.(job\.(name|num|id|override_dirname)|(run|sweep)\.dir|sweep\.subdir"
    r"|runtime\.(cwd|output_dir))|oc\.env:\w+(,[^${}]*)?)\}"
)
_ONLY_TYPED = "only the command line may"


def check_hydra(hydra: Any, trusted: Collection[str], typed: Collection[str]) -> Iterator[Problem]:
    """What a file asks of Hydra that only the user may.

    Parameters
    ----------
    hydra : the node `hydra` of a composed config as plain values, with nothing resolved
    trusted : packages that the user trusts
    typed : keys of the command line
    """
    yield from _check_classes(hydra, "hydra", trusted)
    for name in _SECTIONS:
        section = hydra.get(name) if isinstance(hydra, dict) else None
        for path, key, value in leaves({f"hydra.{name}": section}):
            if isinstance(value, str) and not any(is_trusted(path, [key]) for key in typed):
                yield from _check_text(name, path, key, value)
    yield from _check_names(hydra, typed)


def _check_text(section: str, path: str, key: str, value: str) -> Iterator[Problem]:
    """One value of what Hydra builds, which was not typed."""
    in_logging = section in _LOGGING_SECTIONS
    if in_logging and key == "filename":
        if not _LOG_FILE.fullmatch(value):
            yield Problem(
                path,
                f"a file has the log written to {value[:200]!r}, and {_ONLY_TYPED}; a file may "
                "name ${hydra.runtime.output_dir}/NAME.log.",
            )
    elif "${" in (_TEXTS.sub("", value) if section in ("launcher", "sweeper") else value):
        yield Problem(
            path,
            f"{value[:200]!r} is a reference of a file's that may lead to a class, and "
            f"{_ONLY_TYPED} set such a value.",
        )
    elif section == "launcher" and re.search(r"[\x00-\x1f\x7f]", value):
        yield Problem(path, "a file puts a line break into a batch script. Remove it.")


def _check_names(hydra: Any, typed: Collection[str]) -> Iterator[Problem]:
    """Names of files and folders within a run's folder that lead out of it."""
    node = hydra if isinstance(hydra, dict) else {}
    job = node.get("job")
    names = {
        "hydra.job.name": job.get("name") if isinstance(job, dict) else None,
        "hydra.output_subdir": node.get("output_subdir"),
    }
    for path, value in names.items():
        text = str(value or "")
        if path not in typed and ("/" in text or "\\" in text or "${" in text or text == ".."):
            yield Problem(
                path,
                f"a file sets it to {text[:200]!r}, which may lead out of the run's folder, and "
                f"{_ONLY_TYPED}.",
            )


def _check_classes(node: Any, path: str, trusted: Collection[str]) -> Iterator[Problem]:
    """Classes of callbacks, launchers, sweepers and logging that are not among ours."""
    in_logging = path.startswith(tuple(f"hydra.{name}" for name in _LOGGING_SECTIONS))
    for key, value in items(node):
        where = f"{path}.{key}"
        if isinstance(node, dict) and not isinstance(key, str):
            yield Problem(where, f"a key of Hydra's is text, not {key!r}.")
        if in_logging and key == ".":
            yield Problem(where, "sets attributes of what logging builds. Leave it out.")
        if isinstance(value, str):
            allowed: tuple[str, ...] | None = None
            if key == "_target_":
                allowed = HYDRA_CLASSES
            elif in_logging and (
                key in ("()", "class", "queue", "listener")
                or value.startswith(("ext://", "cfg://"))
            ):
                allowed = LOGGING
            if allowed is not None and value not in allowed and not is_trusted(value, trusted):
                package = re.split(r"[.:]", value.removeprefix("ext://"))[0]
                yield Problem(
                    where,
                    f"'{value}' is none of Hydra's and this program's own classes. If you trust "
                    f"its code: trusted_targets=[{package}]",
                )
        yield from _check_classes(value, where, trusted)
