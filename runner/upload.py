"""Logs results that lie in output folders to MLflow, after its server was away.

python -m runner.upload outputs/2026-01-31/12-00-00-000000 multirun/.../3
"""

from __future__ import annotations

import sys
from pathlib import Path

from omegaconf import OmegaConf

from components.base import UserError
from runner import record
from runner.tracking import Tracker


def main(folders: list[str]) -> None:
    """Log each folder's run, to the store that its config names."""
    if not folders or {"-h", "--help"} & set(folders):
        print((__doc__ or "").strip())  # noqa: T201
        return
    for name in folders:
        folder = Path(name)
        known = record.load(folder)
        if known.status == "RUNNING":
            raise UserError(f"the run in {folder} has not ended.")
        settings = OmegaConf.load(folder / "config.yaml").tracking
        tracker = Tracker(settings.uri, settings.experiment)
        if known.run_id is None:
            tracker.start(known)
        known.save(folder)
        tracker.close(known, folder)
        print(f"Logged {folder} as {known.run_id}")  # noqa: T201


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as mistake:
        print(mistake, file=sys.stderr)  # noqa: T201
        sys.exit(2)
