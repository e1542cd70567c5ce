"""What embedders behind a paid HTTP API share: batches, parallel requests, retries, a budget."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from components.base import Floats, Integers, Matrix, UserError
from components.embedders.failures import Failure, redact

log = logging.getLogger(__name__)

LONGEST_WAIT = 600.0  # seconds; a server that asks for more has shut us out for today
BACKOFF_LIMIT = 60.0  # seconds


class ApiEmbedder:
    """The part of an embedder that every paid API needs; a subclass sends one request.

    Attributes
    ----------
    truncated_ : bool (n,)
        Which documents of the last call were too long.
    metrics_ : dict
        `embed_tokens`: tokens that the last call cost, as the server counted them.
    tokens_used_ : int
        Tokens of all calls of this object, which `max_tokens` limits.
    """

    # Set by the constructor of a subclass, as its user gave them.
    model: str
    base_url: str | None
    batch_size: int
    timeout: float
    concurrency: int
    max_retries: int
    retry_delay: float
    max_input_tokens: int
    max_tokens: int | None

    service: str
    key_variable: str
    url_variable: str
    default_url: str
    tokens_used_ = 0
    _not_before = 0.0  # after a 429, no thread sends anything earlier than this
    _warned = False

    def encode(self, documents: Sequence[str]) -> Matrix:
        """Vectors of the documents: float32 (n, d), in their order.

        Raises
        ------
        UserError
            When the server refuses, cannot be reached, or the budget would be passed.
        """
        X: Floats = np.empty((0, 0), np.float32)
        for rows, vectors in self.iter_encode(documents):
            if not len(X):
                X = np.empty((len(documents), vectors.shape[1]), np.float32)
            X[rows] = vectors
        return X

    def iter_encode(self, documents: Sequence[str]) -> Iterator[tuple[Integers, Floats]]:
        """Yield (rows, vectors) of each request as soon as it is answered, in any order.

        When a request fails for good, no new one is sent, those under way are still yielded,
        and then the error is raised: nothing that was paid for is lost.
        """
        self.metrics_ = {"embed_tokens": 0.0}
        self.truncated_ = np.zeros(len(documents), bool)
        tokens = np.zeros(len(documents), np.int64)
        texts = []
        for row, document in enumerate(documents):
            sendable = document.encode("utf-8", "replace").decode()  # no half surrogate pairs
            text, tokens[row], self.truncated_[row] = self._fit(sendable)
            texts.append(text)
        self._connect()
        batches = self._batches(tokens)
        stop = threading.Event()
        pending: dict[Future[tuple[Floats, int | None]], Integers] = {}
        failure: Exception | None = None
        with ThreadPoolExecutor(self.concurrency) as pool:
            try:
                while True:
                    while failure is None and len(pending) < self.concurrency and batches:
                        rows = batches[0]
                        reserved = sum(int(tokens[r].sum()) for r in pending.values())
                        failure = self._over_budget(reserved + int(tokens[rows].sum()))
                        if failure is None:
                            batches.pop(0)
                            batch = [texts[row] for row in rows]
                            pending[pool.submit(self._request, batch, stop)] = rows
                    if not pending:
                        break
                    for future in wait(pending, return_when=FIRST_COMPLETED).done:
                        rows = pending.pop(future)
                        if error := future.exception():
                            if failure is None:
                                failure = error if isinstance(error, Exception) else None
                            stop.set()
                            continue
                        vectors, cost = future.result()
                        self._count(int(tokens[rows].sum()) if cost is None else cost)
                        yield rows, vectors
            finally:
                stop.set()
        if failure is not None:
            raise failure

    @property
    def _url(self) -> str:
        url = self.base_url or os.environ.get(self.url_variable) or self.default_url
        return url.rstrip("/")

    @property
    def _server(self) -> str:
        """The address as it may be shown and stored: without a password in it."""
        return redact(self._url)

    @property
    def _key(self) -> str:
        return os.environ.get(self.key_variable) or "none"  # a server of one's own needs none

    def _check(self) -> None:
        """What can be known to fail before any work; for the end of a constructor."""
        if urlsplit(self._url).scheme not in ("http", "https"):
            raise UserError(
                f"embedder.base_url={self._server!r} is no address. It must begin with http:// or "
                "https://, such as http://localhost:8000/v1."
            )
        if self._url == self.default_url and not os.environ.get(self.key_variable):
            raise UserError(
                f"{self.service} needs a key, and the environment variable {self.key_variable} "
                f"is not set. Set it: export {self.key_variable}=..."
            )
        for name in ("batch_size", "concurrency", "max_input_tokens"):
            if getattr(self, name) < 1:
                raise UserError(f"embedder.{name}={getattr(self, name)} must be at least 1.")

    # --- What a subclass says ---------------------------------------------------------------

    def _connect(self) -> None:
        """Make the SDK's client, once."""
        raise NotImplementedError

    def _send(self, texts: list[str]) -> tuple[Any, int | None]:
        """One request: a vector for each text, in order, and the tokens that it cost."""
        raise NotImplementedError

    def _failure(self, error: Exception) -> Failure | None:
        """What an exception of `_send` means; None where it is none of the SDK's."""
        raise NotImplementedError

    def _fit(self, text: str) -> tuple[str, int, bool]:
        """What to send for `text`, how many tokens that is, and whether `text` was too long."""
        raise NotImplementedError

    def _batches(self, tokens: Integers) -> list[Integers]:
        return cut(tokens, self.batch_size)

    # --- One request ------------------------------------------------------------------------

    def _request(self, texts: list[str], stop: threading.Event) -> tuple[Floats, int | None]:
        for attempt in range(self.max_retries + 1):
            stop.wait(max(0.0, self._not_before - time.monotonic()))
            if stop.is_set():
                raise UserError(f"{self.service}: stopped, because another request failed.")
            try:
                vectors, cost = self._send(texts)
            except Exception as error:
                failure = self._failure(error)
                if failure is None:
                    raise
                delay = self._delay(failure, attempt)
                if delay is None:
                    raise self._refusal(failure, attempt) from None  # it may quote the key
                self._warn(failure, delay)
                if failure.status == 429:
                    self._not_before = max(self._not_before, time.monotonic() + delay)
                stop.wait(delay)
            else:
                return self._checked(vectors, len(texts)), cost
        raise AssertionError("the last attempt returns or raises")

    def _delay(self, failure: Failure, attempt: int) -> float | None:
        """Seconds until the next attempt; None where another one is of no use."""
        if not failure.temporary or attempt == self.max_retries:
            return None
        if failure.retry_after is None:
            return float(min(self.retry_delay * 2**attempt, BACKOFF_LIMIT))
        return failure.retry_after if failure.retry_after <= LONGEST_WAIT else None

    def _checked(self, vectors: Any, n: int) -> Floats:
        X = np.asarray(vectors, dtype=np.float32)
        if X.ndim != 2 or len(X) != n or not np.isfinite(X).all():
            raise UserError(
                f"{self.service}: the server answered {n} texts with an array of the shape "
                f"{X.shape}, or with values that are not finite. It must give one vector of "
                "numbers for each text: check embedder.model and embedder.base_url."
            )
        return X

    def _refusal(self, failure: Failure, attempt: int) -> UserError:
        """What to tell the user, with nothing in it that could be a key."""
        reason = redact(failure.message)
        if failure.status in (401, 498):
            return UserError(
                f"{self.service} does not accept the key (status {failure.status}). "
                f"Set a valid one: export {self.key_variable}=..."
            )
        if failure.status == 403:
            advice = f"The key in {self.key_variable} may not use embedder.model={self.model}."
        elif failure.status == 404:
            advice = f"Check embedder.model={self.model} and embedder.base_url."
        elif failure.out_of_credit:
            advice = "The account has no credit left: top it up. What was paid for is kept."
        elif failure.temporary:
            wait = failure.retry_after
            advice = (
                f"Tried {attempt + 1} times"
                + (f"; the server asks to wait {wait:.0f} s. " if wait else ". ")
                + "Run the same command again to go on from here, or raise embedder.max_retries."
            )
        else:
            advice = (
                "Check embedder.model and its options; if a text is too long, lower "
                "embedder.max_input_tokens."
            )
        status = "no answer" if failure.status is None else f"status {failure.status}"
        return UserError(f"{self.service}: {status}: {reason.rstrip('.')}. {advice}")

    def _over_budget(self, tokens: int) -> UserError | None:
        if self.max_tokens is None or self.tokens_used_ + tokens <= self.max_tokens:
            return None
        return UserError(
            f"{self.service}: stopped before the budget is passed: {self.tokens_used_} tokens are "
            f"used, what is under way and the next request need about {tokens}, and "
            f"embedder.max_tokens is {self.max_tokens}. What was paid for is kept; raise "
            "embedder.max_tokens to go on."
        )

    def _count(self, tokens: int) -> None:
        self.tokens_used_ += tokens
        self.metrics_["embed_tokens"] += tokens

    def _warn(self, failure: Failure, delay: float) -> None:
        log.log(
            logging.INFO if self._warned else logging.WARNING,
            "%s: %s; trying again in %.1f s",
            self.service,
            f"status {failure.status}" if failure.status else redact(failure.message),
            delay,
        )
        self._warned = True


def cut(tokens: Integers, most: int, most_tokens: int | None = None) -> list[Integers]:
    """Rows 0..n-1 cut, in order, into runs of at most `most` rows and `most_tokens` tokens."""
    starts, rows, total = [0], 0, 0
    for row, count in enumerate(tokens.tolist()):
        if rows == most or (rows and most_tokens is not None and total + count > most_tokens):
            starts.append(row)
            rows, total = 0, 0
        rows, total = rows + 1, total + count
    return [r for r in np.split(np.arange(len(tokens)), starts[1:]) if len(r)]
