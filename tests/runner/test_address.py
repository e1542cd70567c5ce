from __future__ import annotations

from pathlib import Path

import pytest

from runner import address


def test_the_address_of_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert address.absolute(None) == f"sqlite:///{tmp_path}/mlflow.db"
    assert address.absolute("sqlite:///sub/x.db") == f"sqlite:///{tmp_path}/sub/x.db"
    assert address.absolute("sqlite:////abs/x.db") == "sqlite:////abs/x.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert address.absolute(None) == "http://host:5000"
    assert address.absolute("sqlite:////abs/x.db") == "sqlite:////abs/x.db"


def test_how_to_look() -> None:
    server = address.how_to_look("http://host:5000/", "7")
    runs = "#/experiments/7/runs?workflowType=machine_learning"
    assert server == f"Compare: http://host:5000/{runs}"
    command, page = address.how_to_look("sqlite:////a.db", "7").splitlines()
    assert command == "Compare: mlflow ui --backend-store-uri sqlite:////a.db"
    assert page.strip() == f"http://127.0.0.1:5000/{runs}"


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "postgresql+psycopg2://me@127.0.0.1:9/x"])
def test_a_store_that_is_not_there_is_told_at_once(uri: str) -> None:
    with pytest.raises(OSError, match="refused"):
        address.check(uri, create=True)


def test_a_store_of_another_kind_is_left_to_mlflow() -> None:
    address.check("databricks://profile", create=True)


def test_behind_a_proxy_nothing_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    address.check("http://tracking.example.org:5000", create=True)
    with pytest.raises(OSError, match="refused"):
        address.check("http://127.0.0.1:9", create=True)
