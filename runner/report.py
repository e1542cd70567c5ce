"""Makes report.html for a run that has ended, from its tables.

    python -m runner.report run=outputs/2026-01-31/...    a run's output folder
    python -m runner.report run=ID                        a run in MLflow, and logs it there
    python -m runner.report run=ID uri=http://...         a run in another store
    python -m runner.report run=ID folder=out             writes it to a folder instead
    python -m runner.report run=ID max_megabytes=40       with more points and longer texts

The tables hold no weights of words, and no vectors: the topics' own come from the run's model,
and without a model the similarity of topics is left out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from components.base import UserError
from runner.model.saving import FOLDER
from runner.terminal.arguments import parse
from runner.terminal.console import command, say
from runner.tracking import record
from runner.tracking.folder import check_writable

KEYS = ["run", "uri", "folder", "max_megabytes"]
FILE = "report.html"


def main(arguments: list[str]) -> int:
    """Write the report of a recorded run."""
    options = parse(arguments, __doc__ or "", KEYS)
    options.require("report", "run")
    limits: dict[str, Any] = {}
    if "max_megabytes" in options:
        try:
            limits["max_megabytes"] = float(options["max_megabytes"])
        except ValueError:
            raise UserError(
                f"max_megabytes={options['max_megabytes']}: must be a number, such as 10."
            ) from None
    recorded = Path(options["run"])
    with tempfile.TemporaryDirectory() as scratch:
        if recorded.is_dir():
            target = Path(options.get("folder", recorded))
            say(f"Written: {_report(recorded, target, limits, _topic_vectors(recorded / FOLDER))}")
            return 0
        from runner.tracking import connect_to_find, fetch_result, log_file

        client = connect_to_find(options["run"], options.get("uri"))
        fetch_result(client, options["run"], Path(scratch))
        vectors = _vectors_of_run(options["run"], options.get("uri"))
        if "folder" in options:
            say(f"Written: {_report(Path(scratch), Path(options['folder']), limits, vectors)}")
        else:
            page = _report(Path(scratch), Path(scratch), limits, vectors)
            log_file(client, options["run"], page)
            say(f"Logged {FILE} to run {options['run']}")
    return 0


def _topic_vectors(folder: Path) -> Any:
    """The topics' centroids (n_topics, d) in a model's folder; None where it holds no model."""
    from components.model.folder import read

    if not folder.is_dir():
        return None
    try:
        model, _, _ = read(folder)
    except UserError as error:
        say(f"{error} The similarity of topics is left out.", error=True)
        return None
    return model.arrays["centroids"]


def _vectors_of_run(run_id: str, uri: str | None) -> Any:
    from runner.tracking.model import fetch_model

    with tempfile.TemporaryDirectory() as scratch:
        try:
            return _topic_vectors(fetch_model(run_id, uri, Path(scratch), FOLDER))
        except UserError:  # a run without a model
            return None


def _report(recorded: Path, folder: Path, limits: dict[str, Any], topic_vectors: Any) -> Path:
    from components.reports.page import write_report
    from components.reports.read import read_result

    about = record.load(recorded)
    about.require_result(f"in {recorded}")
    result = read_result(recorded, pieces=True)
    result.metrics = about.metrics
    result.failed_metrics = {
        name: f"metrics.{name} failed; runner.log says why."
        for name in about.tags.get("failed_metrics", "").split()
    }
    if topic_vectors is not None and topic_vectors.shape[0] == len(result.topics):
        result.parts["topic_vectors"] = topic_vectors
    chosen = {key: value for key, value in about.tags.items() if key.startswith("chosen_")}
    result.choice = {key.removeprefix("chosen_"): _number(text) for key, text in chosen.items()}
    limits |= _settings(about.params)
    if (folder / FILE).is_symlink():  # a folder may be somebody else's
        with suppress(OSError):
            (folder / FILE).unlink()
    check_writable(folder, "folder")
    try:
        (path,) = write_report(result, folder, run_folder=recorded, **limits)
    except OSError as error:
        (folder / FILE).unlink(missing_ok=True)  # half of it
        reason = error.strerror or error
        raise UserError(
            f"{folder / FILE} cannot be written: {reason}. Make room, or choose another folder "
            "with folder=..."
        ) from error
    if folder == recorded and FILE not in about.files:
        about.files.append(FILE)
        about.save(recorded)
    return path


def _number(text: Any) -> Any:
    """The number that a tag holds as text; the text itself, where it is none."""
    try:
        return int(text) if str(text).isdecimal() else float(text)
    except ValueError:
        return text


def _settings(params: Mapping[str, Any]) -> dict[str, Any]:
    """What the run's config said of the tables that the page shows."""
    bins = params.get("reports.over_time.bins") or "auto"
    settings = {"bins": int(bins) if str(bins).isdecimal() else bins}
    for name, key in (("smooth", "over_time.smooth"), ("max_classes", "classes.max_classes")):
        value = str(params.get(f"reports.{key}"))
        if value.isdecimal():
            settings[name] = int(value)
    return settings


if __name__ == "__main__":
    command(main)
