"""Logs results that lie in output folders to MLflow, after its server was away.

python -m runner.upload outputs/2026-01-31/12-00-00-000000    a run, or a job of a sweep
python -m runner.upload multirun/2026-01-31/12-00-00-000000   a sweep, with all of its jobs
python -m runner.upload FOLDER uri=http://... experiment=NAME to this store or experiment

What is there already is completed, not logged twice. A folder may come from somebody else, so a
store that it names is used only if you name it too (uri=...), or type --trust-this-run; a model is
registered under a name that the folder holds only with --trust-this-run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.base import UserError
from runner.config.recorded import TRUST, TRUST_FLAG
from runner.config.untrusted import plain_references_only
from runner.terminal.arguments import Arguments, parse
from runner.terminal.console import command, say
from runner.terminal.suggestions import shell_line
from runner.tracking import record
from runner.tracking.record import Record


def main(arguments: list[str]) -> int:
    """Log each folder's run to the store that its config names, or to another one."""
    keys = ["uri", "experiment"]
    options = parse(arguments or ["--help"], __doc__ or "", keys, flags=[TRUST_FLAG], words=True)
    if not options.words:
        raise UserError(f"name the output folders: {shell_line('upload')} FOLDER ...")
    for folder in map(Path, options.words):
        if (folder / record.SWEEP_FILE).is_file():
            _upload_sweep(folder, options)
        else:
            _upload(folder, record.load(folder), options)
    return 0


def _upload_sweep(folder: Path, options: Arguments) -> None:
    from runner.tracking import Tracker

    about = record.load_sweep(folder)
    parent = _ended(folder, record.load(folder))
    tracker = Tracker(*_store(folder, about.get("tracking"), options))
    tracker.finish(parent, folder)
    for place, job in record.load_jobs(folder, about["sweep_id"]).items():
        assert parent.run_id is not None
        job.tags[record.PARENT] = parent.run_id
        _upload(place, job, options)
    say(f"Logged {folder} as {parent.run_id}")


def _upload(folder: Path, run_record: Record, options: Arguments) -> None:
    from runner.tracking import Tracker

    settings = record.load_config(folder).get("tracking")
    registered = run_record.params.get("model.register_as")
    if (
        registered
        and TRUST_FLAG not in options.flags
        and (folder / "model" / "model.yaml").is_file()
    ):
        words = [f"{key}={value}" for key, value in options.items() if value]
        raise UserError(
            f"{folder} may come from somebody else, and its model would be registered as "
            f"{registered}, and be served where that is. If you want that: "
            + shell_line("upload", folder, *words, TRUST)
        )
    tracker = Tracker(*_store(folder, settings, options))
    tracker.finish(_ended(folder, run_record), folder)
    say(f"Logged {folder} as {run_record.run_id}")


def _store(folder: Path, settings: Any, options: Arguments) -> tuple[str | None, str]:
    """The address and the experiment to log to."""
    settings = settings if isinstance(settings, dict) else {}
    uri, experiment = settings.get("uri"), settings.get("experiment")
    if problems := list(plain_references_only({"tracking": [uri, experiment]})):
        raise UserError("\n".join(map(str, problems)))
    if "uri" not in options and uri and TRUST_FLAG not in options.flags:
        command = shell_line("upload", folder, f"uri={uri}")
        raise UserError(
            f"{folder} may come from somebody else, and says to log to {uri}. If that is your "
            f"store: {command}"
        )
    chosen = options.get("experiment", experiment)
    if not chosen:
        raise UserError(f"{folder} names no experiment. Type experiment=NAME")
    return options.get("uri", uri), str(chosen)


def _ended(folder: Path, run_record: Record) -> Record:
    if run_record.status == "RUNNING":
        alive = run_record.is_alive
        if alive is None:
            raise UserError(
                f"the run in {folder} is marked as RUNNING, and its process cannot be looked up "
                "here: it began on another machine, in another container, or before this machine "
                'was restarted. If it has ended, set "status" to "KILLED" in '
                f"{folder / record.FILE}, and upload it again."
            )
        if alive:
            raise UserError(f"the run in {folder} has not ended.")
        run_record.end("KILLED", "its process was killed")
    return run_record


if __name__ == "__main__":
    command(main)
