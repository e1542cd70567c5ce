"""A tracking server that answers what it likes: its files are data, and stay where they belong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from components.base import UserError
from runner import predict, replay

RUN, TOKEN = "0" * 32, "correct-horse-battery"
NO_RESULT = r"cannot be (used|fetched|read)|(no such|has no) model|of something else|no run\.json"


class Server:
    """Knows every run and every model, and says that their files lie at `location`."""

    def __init__(self) -> None:
        self.location = ""
        self.answer: bytes | None = None  # to everything
        self.broken = "nothing"  # what is asked for where it fails
        self.listed: list[str] = []
        self.content = b"evil"
        self.headers: list[Any] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"127.0.0.1:{self._http.server_port}"
        Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def reply(self, path: str) -> bytes:
        where = self.location or "mlflow-artifacts:/0"
        if self.answer is not None:
            return self.answer
        if path.endswith("runs/get"):
            info = {"run_id": RUN, "run_uuid": RUN, "experiment_id": "0", "artifact_uri": where}
            outputs = {"model_outputs": [{"model_id": "m-1", "step": 0}]}
            return json.dumps({"run": {"info": info, "data": {}, "outputs": outputs}}).encode()
        if "logged-models" in path:
            about = {"model_id": "m-1", "experiment_id": "0", "name": "x", "artifact_uri": where}
            return json.dumps({"model": {"info": about, "data": {}}}).encode()
        if path.rstrip("/").endswith("mlflow-artifacts/artifacts"):
            files = [{"path": name, "is_dir": False, "file_size": 1} for name in self.listed]
            return json.dumps({"files": files}).encode()
        return self.content if "mlflow-artifacts" in path else b"{}"

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.headers.append(self.headers)
                content = server.reply(urlsplit(self.path).path)
                self.send_response(500 if server.broken in self.path else 200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_PATCH = do_PUT = do_GET

            def log_message(self, *args: object) -> None: ...

        return Handler


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("d.txt").write_text("tea cup\nbat ball\n")
    hostile = Server()
    yield hostile
    hostile.close()


@pytest.fixture
def commands(server: Server) -> list[Callable[[], int]]:
    """What fetches a run's files, or a model's."""
    store = f"uri=http://{server.address}"
    data = ["dataset=text", "dataset.path=d.txt", "cache=null", "folder=p", store]
    return [
        lambda: replay.main([f"run={RUN}", "cache=null", store]),
        lambda: predict.main([f"run={RUN}", *data]),
        lambda: predict.main(["run=models:/m-1", *data]),
    ]


@pytest.mark.parametrize("scheme", ["http", "mlflow-artifacts"])
def test_files_on_another_server_are_not_fetched(
    scheme: str, server: Server, commands: list[Callable[[], int]]
) -> None:
    """The user's token for the store would be sent there."""
    other = Server()
    server.location = f"{scheme}://{other.address}/api/2.0/mlflow-artifacts/artifacts/x"
    for command in commands:
        with pytest.raises(UserError, match=f"another server, {scheme}://{other.address}"):
            command()
    other.close()
    assert any(TOKEN in str(headers) for headers in server.headers)
    assert not other.headers


@pytest.mark.parametrize(
    "name",
    ["../../victim", "/victim", "a/../../../victim", "%2e%2e%2f%2e%2e%2fvictim", "..\\victim"],
)
def test_a_file_does_not_leave_its_folder(
    name: str, server: Server, commands: list[Callable[[], int]], tmp_path: Path
) -> None:
    server.listed = ["config.yaml", str(tmp_path / "victim") if name == "/victim" else name]
    server.content = b"a: !!python/object/apply:os.system ['touch executed']"
    before = {path.name for path in tmp_path.rglob("*")}
    for command in commands:
        with pytest.raises(UserError, match=NO_RESULT):
            command()
    assert {path.name for path in tmp_path.rglob("*")} - before <= {"p"}


def test_a_folder_of_this_machine_is_no_model(
    server: Server, commands: list[Callable[[], int]], tmp_path: Path
) -> None:
    server.location = Path("/dev").as_uri()
    for command in commands:
        with pytest.raises(UserError, match=NO_RESULT):
            command()


def test_a_server_that_breaks_while_a_model_is_fetched(
    server: Server, commands: list[Callable[[], int]]
) -> None:
    """Not "there is no such model": it is there."""
    server.broken = "mlflow-artifacts"
    with pytest.raises(UserError, match=f"the MLflow store http://{server.address} cannot be used"):
        commands[-1]()


@pytest.mark.parametrize("answer", [b"", b"null", b"[1]", b"<html>\x1b[31m", b"{" * 100_000])
def test_an_answer_that_is_none(
    answer: bytes, server: Server, commands: list[Callable[[], int]]
) -> None:
    server.answer = answer
    for command in commands:
        with pytest.raises(UserError, match=NO_RESULT) as refused:
            command()
        assert len(str(refused.value)) < 1000
