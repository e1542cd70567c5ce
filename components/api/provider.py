"""Who serves an API: its address, its key, and the meaning of its SDK's exceptions."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from components.api.failures import Failure, redact
from components.base import ParameterError, UserError


class Provider:
    """The base of all providers; a subclass knows its SDK.

    The key is read from the environment for each client and held nowhere else.

    Parameters
    ----------
    model : str
        Named in messages.
    base_url : str, optional
        Else what the environment variable `url_variable` holds, else `default_url`.

    Raises
    ------
    ParameterError
        When `base_url` is not an HTTP address.
    UserError
        When the provider's own server is used and no key is set.
    """

    name: str
    key_variable: str
    url_variable: str
    default_url: str
    what_it_is: str  # which server, in a hint about a wrong address

    def __init__(self, *, model: str, base_url: str | None) -> None:
        self.model = model
        self.base_url = base_url
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ParameterError(
                "base_url",
                self.server,
                "must begin with http:// or https://, such as http://localhost:8000/v1.",
            )
        if self.is_default and not os.environ.get(self.key_variable):
            raise UserError(
                f"{self.name} needs a key, and the environment variable {self.key_variable} "
                f"is not set. Set it: export {self.key_variable}=..."
            )

    @property
    def url(self) -> str:
        url = self.base_url or os.environ.get(self.url_variable) or self.default_url
        return url.rstrip("/")

    @property
    def server(self) -> str:
        """The address as it may be shown and stored: without a password in it."""
        return redact(self.url)

    @property
    def is_default(self) -> bool:
        """Whether the provider's own server is used."""
        return self.url == self.default_url

    @property
    def key(self) -> str:
        return os.environ.get(self.key_variable) or "none"  # a server of one's own needs none

    def connect(self, timeout: float) -> Any:
        """A client of the SDK, which does not retry by itself."""
        raise NotImplementedError

    def failure(self, error: Exception) -> Failure | None:
        """What an exception of the SDK means; None where it is none of the SDK's."""
        raise NotImplementedError

    def malformed(self, what: str) -> UserError:
        """The error for an answer that does not hold what was asked for."""
        return UserError(
            f"{self.name}: {self.server} {what}. Check that base_url is {self.what_it_is} and that "
            f"model={self.model} is of the right kind."
        )

    def refusal(self, failure: Failure, attempts: int, n_items: int = 1) -> UserError:
        """What to tell the user of a request of so many items, without what could be a key."""
        reason = redact(failure.message)
        name = self.name if self.is_default else self.server
        if failure.status in (401, 498):
            return UserError(
                f"{name} does not accept the key (status {failure.status}). "
                f"Set a valid one: export {self.key_variable}=..."
            )
        if failure.status == 403:
            advice = f"The key in {self.key_variable} may not use model={self.model}."
        elif failure.status == 404:
            advice = f"Check model={self.model} and base_url={self.server}."
        elif failure.out_of_credit:
            advice = "The account has no credit left: top it up. What was paid for is stored."
        elif failure.temporary:
            wait = failure.retry_after
            unheard = failure.status is None and not self.is_default
            slow = "Raise timeout, or lower batch_size. " if n_items > 1 else "Raise timeout. "
            advice = (
                ("Tried once" if attempts == 1 else f"Tried {attempts} times")
                + (f"; the server asks to wait {wait:.0f} s. " if wait else ". ")
                + (slow if failure.timed_out else "")
                + ("Check that a server runs there, or correct base_url. " if unheard else "")
                + "Run the same command again to go on from here, or raise max_retries."
            )
        else:
            advice = (
                f"Check model={self.model} and its options; if a text is too long, shorten or drop "
                "it, or lower max_input_tokens, with which all documents are embedded again."
            )
        status = "no answer" if failure.status is None else f"status {failure.status}"
        return UserError(f"{name}: {status}: {reason.rstrip('.')}. {advice}")
