"""A run's model in MLflow: logged as a pyfunc, registered, and fetched again."""

from __future__ import annotations

import json
import logging
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

from components.base import UserError
from runner.tracking.client import (
    check_location,
    connect_to_find,
    first_line,
    get_run,
    is_there,
    reaching,
    store_errors,
)
from runner.tracking.description import DESCRIPTION
from runner.tracking.record import Record
from runner.tracking.requirements import requirements

log = logging.getLogger(__name__)

_ANOTHER = "is an MLflow model of something else, not of a topic-runner run."
NAME = "topics"  # of the logged model, within its run
VERSIONS = "mlflow.modelVersions"  # the tag that links a model to its registered versions
CODE = Path(__file__).parents[1] / "serving.py"


def log_model(client: Any, record: Record, folder: Path) -> str | None:
    """Log the model in a run's folder, if there is one; its id in MLflow.

    It is written as `mlflow.pyfunc.log_model` writes it, but without what that does beside: an
    example is not predicted, and requirements are not inferred by loading the model.

    Parameters
    ----------
    client : MlflowClient
    record : of a run that is open; `record.model_id` names what is logged already, in part
        where not `record.tracked`
    folder : the run's output folder
    """
    saved = folder / "model"
    if not (saved / "model.yaml").is_file():
        return None
    model = None
    if record.model_id is not None and is_there(client.get_logged_model, record.model_id):
        if record.tracked:
            return record.model_id
        model = client.get_logged_model(record.model_id)  # the store went away in the middle
    if any(path.is_symlink() for path in (saved, *saved.rglob("*"))):
        raise UserError(f"{saved} holds links, which may lead out of it: it is not logged.")
    from mlflow.entities import LoggedModelOutput

    card = (saved / "MODEL.md").read_text(encoding="utf-8")
    model = model or client.create_logged_model(
        record.experiment_id,
        NAME,
        source_run_id=record.run_id,
        tags={DESCRIPTION: card[:5000]},
        params={key: str(value)[:500] for key, value in record.params.items() if "." not in key},
        model_type="topics",
    )
    record.model_id = str(model.model_id)
    if str(model.status) != "READY":
        with tempfile.TemporaryDirectory() as scratch:
            _write_pyfunc(Path(scratch), saved, record.model_id, record.run_id)
            client.log_model_artifacts(record.model_id, scratch)
        client.finalize_logged_model(record.model_id, "READY")
    if record.model_id not in _outputs(client.get_run(record.run_id)):
        client.log_outputs(record.run_id, [LoggedModelOutput(record.model_id, 0)])
    if name := record.params.get("model.register_as"):
        _register(client, str(name), record, card)
    return record.model_id


def fetch_model(source: str, uri: str | None, scratch: Path, name: str) -> Path:
    """Copy a model from MLflow; the folder that holds it.

    Parameters
    ----------
    source : a run's id, `runs:/ID/...`, or `models:/...`
    uri : see `runner.tracking.uri.absolute_uri`
    scratch : an empty folder to copy to
    name : of the model's folder among the artifacts

    Raises
    ------
    UserError
        When the store cannot be reached, or has no such run or model.
    """
    client = connect_to_find(source, uri)
    with reaching(client.tracking_uri):
        from mlflow.artifacts import download_artifacts
        from mlflow.utils.file_utils import local_file_uri_to_path
        from mlflow.utils.uri import is_local_uri

        try:
            location = _location(client, source)
            check_location(client.tracking_uri, location)
            if is_local_uri(location):  # it may be any folder of this machine, and large
                folder = Path(local_file_uri_to_path(location)) / "artifacts" / name
                if not (folder / "model.yaml").is_file():
                    raise UserError(f"{source} {_ANOTHER}")
            download_artifacts(
                artifact_uri=location,
                dst_path=str(scratch),
                tracking_uri=client.tracking_uri,
            )
        except store_errors() as error:
            if getattr(error, "error_code", "") == "INTERNAL_ERROR":  # the server is broken or gone
                raise
            raise UserError(
                f"{source}: there is no such model in {client.tracking_uri}: {first_line(error)}"
            ) from error
    model_file = next(iter(scratch.rglob(f"artifacts/{name}/model.yaml")), None)
    if model_file is None:
        raise UserError(f"{source} {_ANOTHER}")
    return model_file.parent


def run_of(client: Any, source: str) -> str:
    """The id of the run that made a model; see `fetch_model` for `source`."""
    if not source.startswith("models:/"):
        return _run_id(source)
    with reaching(client.tracking_uri):
        if registered := _registered(client, source):
            return str(registered.run_id)
        name = source.removeprefix("models:/").strip("/")
        return str(client.get_logged_model(name).source_run_id)


def _run_id(source: str) -> str:
    """The id in `ID` or `runs:/ID/...`."""
    return source.removeprefix("runs:/").partition("/")[0]


def _registered(client: Any, source: str) -> Any | None:
    """The version of a registered model that `models:/NAME/VERSION` or `models:/NAME@ALIAS` names.

    None where the source is a logged model's id.
    """
    name, _, version = source.removeprefix("models:/").strip("/").partition("/")
    if "@" in name:
        return client.get_model_version_by_alias(*name.split("@", 1))
    return client.get_model_version(name, version) if version else None


def _location(client: Any, source: str) -> str:
    """Where the files of a model lie.

    MLflow itself would look up the name in the store of the process, whichever `client` is of.
    """
    if not source.startswith("models:/"):
        place = f"models:/{model_of_run(client, source)}"
    else:
        registered = _registered(client, source)
        place = source if registered is None else registered.source
    if not place.startswith("models:/"):
        return str(place)
    return str(client.get_logged_model(place.removeprefix("models:/")).artifact_location)


def model_of_run(client: Any, source: str) -> str:
    """The id of the model that a run has logged; `source` is the run's id, or `runs:/ID/...`."""
    run_id = _run_id(source)
    run = get_run(client, run_id, ", or a registered model such as models:/topics/1")
    models = _outputs(run)
    if not models:
        raise UserError(
            f"run {run_id} has no model: it was run with model=false, or it has no result."
        )
    return models[-1]


def _outputs(run: Any) -> list[str]:
    """The ids of the models that a run has logged."""
    return [str(output.model_id) for output in run.outputs.model_outputs] if run.outputs else []


def _write_pyfunc(target: Path, saved: Path, model_id: str, run_id: str | None) -> None:
    """An MLflow model (models from code): the folder, the code that loads it, and what MLflow
    wants to know of both.
    """
    from mlflow.models import Model, ModelSignature
    from mlflow.types.schema import ColSpec, DataType, ParamSchema, ParamSpec, Schema

    about = yaml.safe_load((saved / "model.yaml").read_text(encoding="utf-8"))
    columns = [("long", "topic"), ("string", "label"), ("float", "strength")]
    columns += [("long", f"topic_{name}") for name in about["layers"]]
    columns += [("long", "nearest_topic"), ("string", "nearest_label"), ("float", "similarity")]
    columns += [("string", "reason")]
    shutil.copytree(saved, target / "artifacts" / "model")
    shutil.copy(CODE, target / CODE.name)
    _write_environment(target, requirements(about["config"]["embedder"]))
    example = {"columns": ["document"], "data": [[text] for text in about["example"]]}
    _write_json(target / "input_example.json", example)
    _write_json(target / "serving_input_example.json", {"dataframe_split": example})
    model = Model(
        run_id=run_id,
        model_id=model_id,
        signature=ModelSignature(
            Schema([ColSpec("string", "document")]),
            Schema([ColSpec(*c) for c in columns]),
            ParamSchema([ParamSpec("batch", DataType.string, "exact")]),
        ),
        saved_input_example_info={
            "artifact_path": "input_example.json",
            "pandas_orient": "split",
            "serving_input_path": "serving_input_example.json",
            "type": "dataframe",
        },
    )
    model.add_flavor(
        "python_function",
        loader_module="mlflow.pyfunc.loaders.code_model",
        model_code_path=CODE.name,
        python_version=platform.python_version(),
        artifacts={"model": {"path": "artifacts/model", "uri": "artifacts/model"}},
        env={"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        code=None,
        streamable=False,
    )
    model.save(str(target / "MLmodel"))


def _write_environment(target: Path, packages: list[str]) -> None:
    """What MLflow makes an environment from, where it is asked to."""
    python = platform.python_version()
    (target / "requirements.txt").write_text("".join(f"{line}\n" for line in packages))
    pip = {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    (target / "python_env.yaml").write_text(yaml.safe_dump(pip, sort_keys=False))
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": packages}],
    }
    (target / "conda.yaml").write_text(yaml.safe_dump(conda, sort_keys=False))


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def _register(client: Any, name: str, record: Record, card: str) -> None:
    """A version of a registered model, the run's own if it has one, and its alias if asked for."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = f"models:/{record.model_id}"
    if not str(client.tracking_uri).startswith("http"):
        # A database would look up that name in the default store of this process, not in itself.
        source = client.get_logged_model(record.model_id).artifact_location
    versions = client.search_model_versions(f"run_id = '{record.run_id}'")
    registered = next((version for version in versions if version.name == name), None)
    registered = registered or client.create_model_version(
        name,
        source,
        run_id=record.run_id,
        description=card[:5000],
        model_id=record.model_id,
    )
    # As `mlflow.register_model` does; without it the page of the model says "Not registered".
    link = json.dumps([{"name": name, "version": registered.version}])
    client.set_logged_model_tags(record.model_id, {VERSIONS: link})
    alias = record.params.get("model.alias")
    if alias:
        client.set_registered_model_alias(name, str(alias), registered.version)
    log.info("registered as models:/%s/%s", name, registered.version)
