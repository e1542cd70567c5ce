"""Documents embedded by several processes, on one machine or many, through Ray Data.

The process that runs the pipeline, the driver, sends blocks of documents to workers and stores
their vectors as they come back. It alone holds leases and writes the store, so the cache's folder
need not be shared; a worker that dies costs the block that it was computing.
"""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.base import Integers, Matrix, ParameterError, UserError, at_least, require
from runner.cache import array_file
from runner.cache.encoding import Answer, Encoder, EncodeRequest, add_costs
from runner.cluster.worker import Worker, pack

log = logging.getLogger(__name__)

RETRIES = 3  # of a block whose worker died
AHEAD = 2  # blocks that a worker has been sent, the one that it computes included
PATIENCE = 5.0  # seconds for a cluster's address to answer


class RayCluster:
    """Workers that embed documents, each with the model loaded once.

    Parameters
    ----------
    address : str, optional
        Of a Ray cluster: "auto" is the one that this machine is a part of, "host:6379" another.
        None takes RAY_ADDRESS; where that is not set, Ray is started on this machine alone, and
        stopped when the documents are embedded.
    workers : int, optional
        None: as many as there is room for.
    cpus, gpus : float
        Reserved for each worker; a fraction of a GPU shares it. A worker computes in as many
        threads as it has CPUs.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        cpus: float = 1,
        gpus: float = 0,
    ) -> None:
        require("ray", extra="ray")
        at_least(1, "or null: as many as fit", workers=workers)
        if not 0 < cpus < math.inf:
            raise ParameterError("cpus", cpus, "must be more than 0: CPUs of each worker.")
        if not 0 <= gpus < math.inf:
            raise ParameterError("gpus", gpus, "must be at least 0: GPUs of each worker.")
        self.address = address
        self.workers = workers
        self.cpus = cpus
        self.gpus = gpus

    def encoder(self, settings: Mapping[str, Any]) -> Encoder:
        """What computes blocks of an `EncodeRequest`; see `EmbeddingCache.encode`.

        Parameters
        ----------
        settings : mapping
            The config node that the embedder was built from.
        """

        def encode(request: EncodeRequest, blocks: Sequence[Integers]) -> Iterator[Answer]:
            payload = pack(request.embedder, settings)
            with self._connected() as ray:
                yield from self._computed(ray, request, blocks, payload)

        return encode

    def _computed(
        self, ray: Any, request: EncodeRequest, blocks: Sequence[Integers], payload: bytes
    ) -> Iterator[Answer]:
        workers = self._room(ray, len(blocks))
        rows = [
            {"block": number, "request": request.as_json(which)}
            for number, which in enumerate(blocks)
        ]
        with warnings.catch_warnings():
            # `max_task_retries` goes in Ray 2.64, where pyproject.toml ends.
            warnings.simplefilter("ignore")
            answers = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                Worker,
                fn_constructor_args=[payload],
                batch_size=1,  # a row is a block of documents
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(
                    size=workers, max_tasks_in_flight_per_actor=AHEAD
                ),
                num_cpus=self.cpus,
                num_gpus=self.gpus,
                max_task_retries=RETRIES,
            )
        del rows
        computed_by = set()
        try:
            for table in answers.iter_batches(batch_size=None, batch_format="pyarrow"):
                for number, about, content in zip(*table.to_pydict().values(), strict=True):
                    answer = json.loads(about)
                    _raise(answer)
                    computed_by.add((answer["host"], answer["pid"]))
                    add_costs(request.spent, answer["costs"])
                    yield number, *_unpacked(content, answer["columns"])
        except ray.exceptions.RayError as error:
            log.debug("traceback of the failure", exc_info=True)
            reason = str(error).strip().partition("\n")[0][:200]
            raise UserError(
                f"a block of documents ended its worker in all of {RETRIES + 1} tries, or the "
                f"cluster is gone ({reason}). What was stored stays, and the next run goes on from "
                "there. If workers run out of memory, start fewer (engine.workers), or lower "
                "embedder.batch_size."
            ) from error
        hosts = {host for host, _ in computed_by}
        log.info("embedded by %d workers on %d machine(s)", len(computed_by), len(hosts))

    def _room(self, ray: Any, n_blocks: int) -> int:
        """How many workers to start."""
        total = ray.cluster_resources()
        needs = {"CPU": self.cpus, "GPU": self.gpus}
        room = min(int(total.get(kind, 0) / n) for kind, n in needs.items() if n > 0)
        if room < 1:
            has = ", ".join(f"{total.get(kind, 0):g} {kind}s" for kind in needs)
            raise UserError(
                f"engine.cpus={self.cpus:g} engine.gpus={self.gpus:g}: no worker fits the "
                f"cluster, which has {has} in all. Lower them, or add machines to the cluster."
            )
        if self.workers is not None and self.workers > room:
            log.warning(
                "engine.workers=%d, but the cluster has room for %d: the others start where "
                "it grows.",
                self.workers,
                room,
            )
        return min(self.workers or room, n_blocks)

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """Ray, connected to the cluster; as it was before, afterwards."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Ray's C++ core writes to the terminal what Python gets as exceptions.
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        import ray
        import ray.data

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        if ray.is_initialized():  # by whoever calls this program
            current = ray.get_runtime_context().gcs_address
            if self.address not in (None, "auto", current):
                raise UserError(
                    f"engine.address={self.address}: this process is connected to the Ray cluster "
                    f"at {current} already. Leave the address out, or call ray.shutdown() before."
                )
            yield ray
            return
        with _signals_restored(), _without_stderr():
            self._connect(ray)
        try:
            yield ray
        finally:
            ray.shutdown()

    def _connect(self, ray: Any) -> None:
        quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
        address = self.address or os.environ.get("RAY_ADDRESS")
        if not address:
            cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
            if self.workers is not None:  # as many as asked for, also on fewer cores
                cpus = max(cpus or os.cpu_count() or 1, math.ceil(self.workers * self.cpus))
            ray.init("local", num_cpus=cpus, include_dashboard=False, **quiet)
            return
        try:
            _check_answers(address)
            ray.init(address, **quiet)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            reason = str(error).strip().partition("\n")[0][:200] or type(error).__name__
            raise UserError(
                f"engine.address={address}: no Ray cluster can be used there ({reason}). Start one "
                "(ray start --head, and ray start --address=HOST:6379 on the other machines), "
                "correct the address, or leave it out to use this machine alone."
            ) from error


def _raise(answer: Mapping[str, Any]) -> None:
    """Raise what a worker answered instead of vectors."""
    if "parameter" in answer:
        raise ParameterError(*answer["parameter"])
    if "user_error" in answer:
        raise UserError(answer["user_error"])
    if "error" in answer:
        log.debug("traceback of a worker:\n%s", answer["traceback"])
        raise RuntimeError(f"{answer['error']} (in a worker on {answer['host']})")


def _unpacked(content: bytes, columns: str | None) -> tuple[Matrix, NDArray[np.bool_]]:
    from safetensors.numpy import load

    arrays = load(content)
    truncated = arrays.pop("truncated")
    meta = {} if columns is None else {"columns": columns}
    return array_file.unpack(array_file.Content(arrays, meta)), truncated


def _check_answers(address: str) -> None:
    """Raise OSError where nothing listens: Ray itself would try for a minute."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Ray's C++ core writes to file descriptor 2, also what is no error; errors are raised."""
    sys.stderr.flush()
    before = os.dup(2)
    try:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


@contextmanager
def _signals_restored() -> Iterator[None]:
    """Ray puts a handler of its own in the place of the program's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
