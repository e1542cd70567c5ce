from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from runner.tracking.uri import absolute_uri, check_store, sqlite_path, ui_command


def test_the_address_of_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert absolute_uri(None) == f"sqlite:///{tmp_path}/mlflow.db"
    assert absolute_uri("sqlite:///sub/x.db") == f"sqlite:///{tmp_path}/sub/x.db"
    assert absolute_uri("sqlite:////abs/x.db") == "sqlite:////abs/x.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert absolute_uri(None) == "http://host:5000"
    assert absolute_uri("sqlite:////abs/x.db") == "sqlite:////abs/x.db"


def test_how_to_look() -> None:
    server = ui_command("http://host:5000/", "7")
    runs = "#/experiments/7/runs?workflowType=machine_learning"
    assert server == f"Compare: http://host:5000/{runs}"
    command, page = ui_command("sqlite:////a.db", "7").splitlines()
    assert command.startswith("Compare: ")
    assert command.endswith("mlflow ui --backend-store-uri sqlite:////a.db")
    assert page.strip() == f"http://127.0.0.1:5000/{runs}"


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "postgresql+psycopg2://me@127.0.0.1:9/x"])
def test_a_store_that_is_not_there_is_told_at_once(uri: str) -> None:
    with pytest.raises(OSError, match="refused"):
        check_store(uri, create=True)


def test_a_store_of_another_kind_is_left_to_mlflow() -> None:
    check_store("databricks://profile", create=True)


def test_behind_a_proxy_nothing_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    check_store("http://tracking.example.org:5000", create=True)
    with pytest.raises(OSError, match="refused"):
        check_store("http://127.0.0.1:9", create=True)


@pytest.mark.parametrize("folder", ["a?b", "a%25b", "a#b", "a b [c] 'd' \u00e4\u00df", "50%"])
def test_any_folder_holds_a_store(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    place = tmp_path / folder
    place.mkdir()
    monkeypatch.chdir(place)
    uri = absolute_uri(None)
    assert absolute_uri(uri) == uri
    assert sqlite_path(uri) == place / "mlflow.db"
    engine = create_engine(uri)
    with engine.connect() as connection:
        connection.execute(text("create table t (x int)"))
    engine.dispose()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["mlflow.db"]
    assert (place / "mlflow.db").is_file()


def test_settings_of_a_store_stay_behind_its_file(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/runs.db?timeout=10"
    assert absolute_uri(uri) == uri
    assert sqlite_path(uri) == tmp_path / "runs.db"
    assert sqlite_path(f"sqlite:///{tmp_path}/what?/runs.db") == tmp_path / "what?" / "runs.db"
