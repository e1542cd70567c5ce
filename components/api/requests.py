"""One request to a provider: retries, a gate after a 429, a time limit."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from components.api.failures import Failure, redact
from components.api.provider import Provider
from components.api.run import Refused, Run, Send, Stopped
from components.base import Integers, ParameterError, UserError, at_least
from components.interrupts import put_off_interrupts

log = logging.getLogger(__name__)

LONGEST_WAIT = 600.0  # seconds; a server that asks for more has shut us out for today
BACKOFF_LIMIT = 60.0  # seconds


class Requests:
    """How requests to one provider are sent; what they used, over the life of this object.

    Parameters
    ----------
    provider : Provider
    concurrency : int
        Requests under way at once.
    timeout : float
        Seconds that one request may take in all.
    max_retries : int
        How often a request is sent again after a 429, a 5xx, a time-out or a dropped connection.
    retry_delay : float
        Seconds before the first of these, doubled each time up to a minute, with up to half as
        much again at random. `Retry-After`, where the server sends it, is the least.
    max_tokens : int, optional
        No request is sent that might use more tokens than this in all.

    Attributes
    ----------
    tokens_used : int
    """

    def __init__(
        self,
        provider: Provider,
        *,
        concurrency: int = 4,
        timeout: float = 60.0,
        max_retries: int = 6,
        retry_delay: float = 1.0,
        max_tokens: int | None = None,
    ) -> None:
        self.provider = provider
        self.concurrency = concurrency
        self.timeout = timeout
        self.max_retries = max_retries
        self.retry_delay = retry_delay
        self.max_tokens = max_tokens
        self.tokens_used = 0
        self._not_before = 0.0  # after a 429, no thread sends anything earlier than this
        self._warned = False
        at_least(1, concurrency=concurrency)
        at_least(1, "or null", max_tokens=max_tokens)
        if timeout <= 0:
            raise ParameterError("timeout", timeout, "must be more than 0 seconds.")
        at_least(0, max_retries=max_retries, retry_delay=retry_delay)

    @contextmanager
    def start(
        self,
        n: int,
        tokens: Callable[[int], int],
        send: Send,
        *,
        batch_size: int = 1,
        batch_tokens: int | None = None,
    ) -> Iterator[Run]:
        """Send `n` items, in order; the run hands over each answer as it comes.

        Parameters
        ----------
        n : int
        tokens : callable
            An item's number to its estimated tokens; called once for each item, in
            order, shortly before the item is sent.
        send : callable
            Called in a thread with the numbers of the items of one request, an int array. Returns
            the answer, of any type, and the tokens that it used, None where the server does not
            say. What it raises is retried where the provider knows it as a temporary failure.
        batch_size, batch_tokens : int
            At most so many items, and tokens, per request; a single item may have more tokens.

        Raises
        ------
        UserError
            At the end of the block: what stopped the run. No request is sent after a failure;
            the answers to those under way are still handed over. A request that is refused for
            its size or for what it holds is divided, until single items are refused; the others
            are sent all the same, unless more are refused than answered.
        KeyboardInterrupt
            The same, after Ctrl-C or SIGTERM; a second one does not wait for answers.
        """
        run = Run(self, n, tokens, send, batch_size, batch_tokens)
        notice = (
            f"{self.provider.name}: stopping as soon as the requests under way are answered, at "
            f"most {self.timeout:.0f} s from now. Press Ctrl-C again to stop at once."
        )
        with put_off_interrupts(notice, run.stop.set):
            try:
                yield run
            finally:
                run.close()
        if run.failure is not None:
            raise run.failure

    # --- One request, in a thread -----------------------------------------------------------

    def attempt(self, send: Send, rows: Integers, stop: threading.Event) -> Any:
        """What `send` returns, after as many retries as it takes and is allowed."""
        for attempt in range(self.max_retries + 1):
            while not stop.is_set() and (wait := self._not_before - time.monotonic()) > 0:
                stop.wait(wait)
            if stop.is_set():
                raise Stopped
            try:
                return _within(self.timeout, send, rows)
            except Exception as error:
                failure = self._failure(error)
                if failure is None:
                    raise
                delay = self._delay(failure, attempt)
                if delay is None or stop.is_set():
                    # `from None`: the SDK's exception may quote the key.
                    refusal = self.provider.refusal(failure, attempt + 1, len(rows))
                    raise (Refused(refusal) if failure.of_items else refusal) from None
                self._warn(failure, delay)
                if failure.status == 429:
                    self._not_before = max(self._not_before, time.monotonic() + delay)
                stop.wait(delay)
        raise AssertionError("the last attempt returns or raises")

    def _failure(self, error: Exception) -> Failure | None:
        if isinstance(error, TimeoutError):
            server = self.provider.server
            message = f"{server} did not answer within {self.timeout:g} s."
            return Failure(None, message, timed_out=True)
        return None if isinstance(error, UserError) else self.provider.failure(error)

    def _delay(self, failure: Failure, attempt: int) -> float | None:
        """Seconds until the next attempt; None where another one is of no use."""
        retry_after = failure.retry_after or 0.0
        if not failure.temporary or attempt == self.max_retries or retry_after > LONGEST_WAIT:
            return None
        backoff = min(self.retry_delay * 2**attempt, BACKOFF_LIMIT)
        return float(max(retry_after, backoff) + random.uniform(0, backoff / 2))

    def _warn(self, failure: Failure, delay: float) -> None:
        log.log(
            logging.INFO if self._warned else logging.WARNING,
            "%s: %s; trying again in %.1f s",
            self.provider.name,
            f"status {failure.status}" if failure.status else redact(failure.message).rstrip("."),
            delay,
        )
        self._warned = True


def _within(seconds: float, send: Send, rows: Integers) -> Any:
    """`send(rows)`; `TimeoutError` after so many seconds.

    An SDK limits the wait for each piece of an answer, so a server that sends a byte now and then
    would hold it forever. What takes too long is left to its own thread.
    """
    answer: Future[Any] = Future()

    def work() -> None:
        try:
            answer.set_result(send(rows))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return answer.result(timeout=seconds)
