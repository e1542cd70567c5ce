"""Many requests side by side: which items are sent together, within a budget, and what is left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Protocol, TypeAlias

import numpy as np

from components.api.provider import Provider
from components.base import Integers, ParameterError, UserError

Send: TypeAlias = Callable[[Integers], tuple[Any, int | None]]


class Sender(Protocol):
    """What sends one request, as `Requests` does."""

    provider: Provider
    concurrency: int
    max_tokens: int | None
    tokens_used: int

    def attempt(self, send: Send, rows: Integers, stop: threading.Event) -> Any: ...


class Stopped(Exception):
    """A request that was not sent, because another one failed or the user stopped the run."""


class Refused(Exception):
    """A request that was refused for its size, or for what it holds."""

    def __init__(self, refusal: UserError) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class Run:
    """The answers to one `Requests.start`: an iterator of (int array of items, answer).

    Attributes
    ----------
    tokens_used : int
        By the answers so far, as the server counted them, or else as estimated.
    failure : Exception, optional
        What stopped the run.
    refused : list of int
        Items that were refused by themselves.
    """

    def __init__(
        self,
        requests: Sender,
        n: int,
        tokens: Callable[[int], int],
        send: Send,
        batch_size: int,
        batch_tokens: int | None,
    ) -> None:
        self.tokens_used = 0
        self.failure: Exception | None = None
        self.refused: list[int] = []
        self._n_answered = 0
        self._divided: list[tuple[Integers, int]] = []  # halves of requests, to be sent next
        self.stop = threading.Event()
        self._requests = requests
        self._pool = ThreadPoolExecutor(requests.concurrency)
        self._n = n
        self._tokens = tokens
        self._send = send
        self._batch_size = batch_size
        self._batch_tokens = batch_tokens
        self._next = 0  # the first item that was not sent
        self._counted: dict[int, int] = {}  # tokens of items that were counted and not sent

    def fail(self, error: Exception) -> None:
        """Send nothing more, and raise `error` at the end, unless something else came before."""
        self.failure = self.failure or error
        self.stop.set()

    def close(self) -> None:
        """Send nothing more, and wait for nothing."""
        self.stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def __iter__(self) -> Iterator[tuple[Integers, Any]]:
        pending: dict[Future[Any], tuple[Integers, int]] = {}
        while True:
            while len(pending) < self._requests.concurrency and self._left:
                if self.stop.is_set():
                    break
                reserved = sum(tokens for _, tokens in pending.values())
                rows, tokens = self._batch(reserved)
                if not len(rows):
                    if not pending:
                        self.fail(self._over_budget())
                    break
                job = self._pool.submit(self._requests.attempt, self._send, rows, self.stop)
                pending[job] = rows, tokens
            if not pending:
                return
            for job in wait(pending, return_when=FIRST_COMPLETED).done:
                rows, tokens = pending.pop(job)
                error = job.exception()
                if isinstance(error, Stopped):
                    continue
                if isinstance(error, Refused):
                    self._refuse(rows, tokens, error.refusal)
                    continue
                if error is not None:
                    self.fail(error if isinstance(error, Exception) else RuntimeError(repr(error)))
                    continue
                answer, used = job.result()
                used = tokens if used is None else used
                self.tokens_used += used
                self._requests.tokens_used += used
                self._n_answered += 1
                yield rows, answer

    @property
    def _left(self) -> bool:
        return self._next < self._n or bool(self._divided)

    def _refuse(self, rows: Integers, tokens: int, refusal: UserError) -> None:
        """Divide a refused request; one item by itself is what failed."""
        if len(rows) > 1:
            middle = len(rows) // 2
            self._divided += [(rows[middle:], tokens // 2), (rows[:middle], tokens - tokens // 2)]
            return
        self.refused += rows.tolist()
        self.failure = self.failure or refusal
        if len(self.refused) > 1 + self._n_answered:
            self.stop.set()

    def _batch(self, reserved: int) -> tuple[Integers, int]:
        """The items of the next request, and their tokens; none where the budget has no room."""
        if self._divided:  # before all others, so that their tokens are still reserved
            return self._divided.pop()
        first, total, most = self._next, 0, self._requests.max_tokens
        room = None if most is None else most - self._requests.tokens_used - reserved
        while self._next < self._n and self._next - first < self._batch_size:
            count = self._count(self._next)
            limit = self._batch_tokens if self._next > first else None
            if any(most is not None and total + count > most for most in (limit, room)):
                break
            total += count
            del self._counted[self._next]
            self._next += 1
        return np.arange(first, self._next), total

    def _count(self, row: int) -> int:
        if row not in self._counted:
            self._counted[row] = self._tokens(row)
        return self._counted[row]

    def _over_budget(self) -> ParameterError:
        requests = self._requests
        return ParameterError(
            "max_tokens",
            requests.max_tokens,
            f"{requests.provider.name}: the budget is used up: {requests.tokens_used} tokens are "
            f"used, and the next item needs about {self._count(self._next)}. What was paid for is "
            "stored; raise max_tokens to go on.",
        )
