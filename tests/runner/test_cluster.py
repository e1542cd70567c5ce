"""Embedding on a Ray cluster: the same vectors, also where workers or the driver are killed."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cluster_parts
import runner.cluster
from cluster_parts import Deadly, Letters, Logged, Wrong, encode
from components.base import MissingExtraError, ParameterError, UserError
from conftest import ROOT
from runner.cache.encoding import EncodeRequest
from runner.cluster import RayCluster
from runner.cluster.worker import Worker, pack
from store_worker import CHUNK, DOCUMENTS, HashEmbedder

ray = pytest.importorskip("ray", reason="the extra ray is not installed")
SOME = DOCUMENTS[:100]
PATHS = f"{ROOT}:{ROOT / 'tests'}"


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster that is there already: it is used, and left running."""
    before = os.environ.get("PYTHONPATH")
    os.environ |= {"PYTHONPATH": PATHS, "RAY_USAGE_STATS_ENABLED": "0"}
    handler = signal.getsignal(signal.SIGTERM)
    ray.init(
        "local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=2 * 10**8,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    yield RayCluster(workers=2)
    assert ray.is_initialized()
    ray.shutdown()
    signal.signal(signal.SIGTERM, handler)
    os.environ.pop("PYTHONPATH")
    if before is not None:
        os.environ["PYTHONPATH"] = before


def calls_of(path: Path) -> list[list[str]]:
    """Process and document of each document that was begun."""
    return [line.split("\t") for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


CLUSTER = ["engine.cluster=ray", "engine.workers=2"]
RUN = ["tracking=none", "map=false", "metrics=none", "reports=fast", "clusterer=kmeans"]


def test_the_command_line(runner, tmp_path, monkeypatch):
    """A class of the user's, on a Ray of the run's own, which is started and stopped."""
    monkeypatch.setenv("PYTHONPATH", PATHS)
    options = tmp_path / "options" / "embedder"
    options.mkdir(parents=True)
    (options / "hashed.yaml").write_text("_target_: cluster_parts.Hashed\nseconds: 0.1\n")
    common = ["--config-dir=options", "embedder=hashed", "trusted_targets=[cluster_parts]", *RUN]
    alone = runner(*common, "cache.dir=alone", "hydra.run.dir=alone_out")
    handler = signal.getsignal(signal.SIGTERM)
    shared = runner(*common, *CLUSTER, "cache.dir=shared", "hydra.run.dir=shared_out")
    assert shared.code == alone.code == 0, shared.err
    one, two = (
        pq.read_table(tmp_path / out / "documents.parquet") for out in ("alone_out", "shared_out")
    )
    assert one.equals(two)
    log = (tmp_path / "shared_out" / "runner.log").read_text()
    assert "embedded by 2 workers on 1 machine(s)" in log
    assert "Ray" not in shared.err
    assert not ray.is_initialized()
    assert signal.getsignal(signal.SIGTERM) is handler


def test_wrong_command_lines(runner):
    run = [*RUN, "embedder=gensim_glove", "cache.dir=null"]
    outcome = runner("engine.cluster=rey", *run)
    assert outcome.code == 2
    assert "engine.cluster=rey: must be one of none, ray" in outcome.err
    outcome = runner(*CLUSTER, "engine.address=127.0.0.1:9", *run)
    assert outcome.code == 1
    assert "engine.address=127.0.0.1:9: no Ray cluster can be used there" in outcome.err
    assert "ray start --head" in outcome.err
    outcome = runner("engine.cluster=ray", "engine.workers=0", *run)
    assert "engine.workers=0: must be at least 1" in outcome.err


def test_the_same_bits_though_a_worker_is_killed(cluster, tmp_path):
    """It costs the block that it computed."""
    calls, victims = tmp_path / "calls", []

    def kill() -> None:
        wait_for(lambda: len(calls_of(calls)) > 3 * CHUNK)
        victims.append(int(calls_of(calls)[-1][0]))
        os.kill(victims[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    encoded = encode(tmp_path / "cache", Logged(calls, 0.2), SOME, cluster)
    killer.join()
    expected = encode(None, HashEmbedder(), SOME)
    assert np.array_equal(encoded.vectors, expected.vectors)
    assert np.array_equal(encoded.truncated, expected.truncated)
    assert encoded.metrics == expected.metrics
    assert encoded.computed == len(SOME)
    begun = Counter(document for _, document in calls_of(calls))
    assert set(begun) == set(SOME)
    assert 0 < sum(begun.values()) - len(SOME) <= CHUNK
    pids = {int(pid) for pid, _ in calls_of(calls)}
    assert len(pids - {os.getpid()}) >= 3  # two, and the one that was started instead
    again = encode(tmp_path / "cache", Logged(calls), SOME, cluster)
    assert again.computed == 0
    assert np.array_equal(again.vectors, expected.vectors)


def test_without_a_folder_and_sparse(cluster):
    documents = [*SOME[:20], "\ud83d 7"]  # half a surrogate pair
    encoded = encode(None, Letters(), documents, RayCluster(workers=1))
    assert (encoded.vectors != encode(None, Letters(), documents).vectors).nnz == 0
    assert encoded.vectors.shape == (21, 10)


def test_a_killed_driver_and_a_second_start(cluster, tmp_path):
    calls, folder = tmp_path / "calls", tmp_path / "cache"
    address = ray.get_runtime_context().gcs_address
    driver = subprocess.Popen(
        [sys.executable, cluster_parts.__file__, str(folder), str(calls), address],
        env={**os.environ, "PYTHONPATH": PATHS},
        start_new_session=True,
    )
    try:
        wait_for(lambda: len(list(folder.glob("embeddings/*/[!.]*.safetensors"))) >= 3)
    finally:
        driver.kill()
        driver.wait()
    n_before = len(list(folder.glob("embeddings/*/[!.]*.safetensors")))
    pids = {int(pid) for pid, _ in calls_of(calls)}
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    n_begun = len(calls_of(calls))
    resumed = encode(folder, Logged(calls), DOCUMENTS, cluster)
    assert resumed.computed == len(DOCUMENTS) - n_before * CHUNK
    assert np.array_equal(resumed.vectors, encode(None, HashEmbedder(), DOCUMENTS).vectors)
    assert len(calls_of(calls)) == n_begun + resumed.computed
    assert n_begun - n_before * CHUNK <= 2 * 2 * CHUNK  # what two workers had been sent


def test_a_document_that_ends_every_worker(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(runner.cluster, "RETRIES", 0)
    with pytest.raises(UserError, match=r"ended its worker in all of 1 tries.*What was stored"):
        encode(tmp_path, Deadly(), DOCUMENTS[:40], RayCluster(workers=1))


def test_a_parameter_that_is_wrong(cluster):
    with pytest.raises(ParameterError, match=r"^max_length=9: is too much"):
        encode(None, Wrong("parameter"), SOME[:3], cluster)


def answer_of(how: str) -> dict[str, Any]:
    """What a worker answers to one block, without Ray."""
    request = EncodeRequest(HashEmbedder(), SOME[:3], None, None, None)
    table = pa.table({"block": [0], "request": [request.as_json(np.arange(3))]})
    return json.loads(Worker(pack(Wrong(how), {}))(table)["about"][0].as_py())


def test_an_error_of_a_library():
    with pytest.raises(RuntimeError, match=r"^ValueError: the library is not amused \(in a worker"):
        runner.cluster._raise(answer_of("library"))


def test_a_worker_with_other_weights_refuses():
    with pytest.raises(UserError, match=r"another embedder than the driver: weights is 2 there"):
        runner.cluster._raise(answer_of("weights"))


def test_an_embedder_that_cannot_be_sent(cluster):
    embedder = HashEmbedder()
    embedder.lock = threading.Lock()
    with pytest.raises(UserError, match=r"HashEmbedder cannot be sent to workers"):
        encode(None, embedder, SOME[:3], cluster)


def test_another_cluster_than_the_one_that_is_connected(cluster):
    with pytest.raises(UserError, match=r"engine\.address=other:1: this process is connected to"):
        encode(None, HashEmbedder(), SOME[:3], RayCluster("other:1"))


def test_no_worker_fits(cluster):
    with pytest.raises(UserError, match=r"engine\.gpus=1: no worker fits .* 0 GPUs"):
        encode(None, HashEmbedder(), SOME[:3], RayCluster(gpus=1))


def test_what_wants_all_documents_at_once_stays_here(cluster, caplog):
    caplog.set_level(logging.INFO)

    class Fitted(Letters):
        fits_corpus = True

    encode(None, Fitted(), SOME[:3], cluster)
    assert "Fitted runs in this process, not on the cluster" in caplog.text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": 0}, r"^workers=0: must be at least 1"),
        ({"cpus": 0}, r"^cpus=0: must be more than 0"),
        ({"gpus": -1}, r"^gpus=-1: must be at least 0"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ParameterError, match=message):
        RayCluster(**settings)


def test_ray_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'topic-runner\[ray\]'"):
        RayCluster()
