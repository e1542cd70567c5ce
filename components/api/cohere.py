"""Cohere, by the v2 client of its SDK."""

from __future__ import annotations

from typing import Any

from components.api.failures import Failure
from components.api.provider import Provider


class Cohere(Provider):
    """The key is in CO_API_KEY, the address of a private deployment in CO_API_URL."""

    name = "Cohere"
    key_variable = "CO_API_KEY"
    url_variable = "CO_API_URL"
    default_url = "https://api.cohere.com"
    what_it_is = "a Cohere server"

    def connect(self, timeout: float) -> Any:
        from cohere import ClientV2

        return ClientV2(api_key=self.key, base_url=self.url, timeout=timeout)

    def failure(self, error: Exception) -> Failure | None:
        import httpx
        from cohere.core.api_error import ApiError

        if isinstance(error, httpx.TimeoutException):
            return Failure(None, f"{self.server} did not answer in time.", timed_out=True)
        if isinstance(error, httpx.TransportError):
            return Failure(None, f"{self.server} cannot be reached ({error}).")
        if isinstance(error, ApiError) and error.status_code != 200:  # 200: no JSON in the answer
            body = error.body if isinstance(error.body, dict) else {"message": error.body}
            message = str(body.get("message") or error.body)
            status, headers = error.status_code, error.headers or {}
            return Failure(status, message, headers, out_of_credit=status == 402)
        return None
