"""OpenAI, or any server that speaks its protocol."""

from __future__ import annotations

import json
from typing import Any

from components.api.failures import Failure, redact
from components.api.provider import Provider


class OpenAI(Provider):
    """The key is in OPENAI_API_KEY, the address of another server in OPENAI_BASE_URL."""

    name = "OpenAI"
    key_variable = "OPENAI_API_KEY"
    url_variable = "OPENAI_BASE_URL"
    default_url = "https://api.openai.com/v1"
    what_it_is = "an OpenAI-compatible server (its path mostly ends in /v1)"

    def connect(self, timeout: float) -> Any:
        from openai import OpenAI as Client

        return Client(api_key=self.key, base_url=self.url, timeout=timeout, max_retries=0)

    def failure(self, error: Exception) -> Failure | None:
        import openai

        if isinstance(error, openai.APITimeoutError):
            return Failure(None, f"{self.server} did not answer in time.", timed_out=True)
        if isinstance(error, openai.APIConnectionError):
            return Failure(None, f"{self.server} cannot be reached ({error.__cause__ or error}).")
        if isinstance(error, openai.APIStatusError):
            body = error.body if isinstance(error.body, dict) else {}
            status, message = error.status_code, str(body.get("message") or error.message)
            return Failure(
                status,
                message,
                error.response.headers,
                out_of_credit=status == 402 or error.code == "insufficient_quota",
                # More tokens than the limit of a minute has: it would never be taken.
                too_large=status == 429 and message.startswith("Request too large"),
            )
        return None

    def read(self, raw: Any) -> dict[str, Any]:
        """The JSON object in an answer of the SDK's `with_raw_response`.

        The SDK's own parser raises whatever comes of an answer that is no such object.
        """
        try:
            body = json.loads(raw.http_response.content)
        except ValueError:  # no JSON, or no text at all
            raise self.malformed("answered with something that is not JSON") from None
        if not isinstance(body, dict):
            raise self.malformed(f"answered with a JSON {type(body).__name__}, not an object")
        if (error := body.get("error")) and not body.keys() & {"data", "choices"}:
            message = error.get("message") if isinstance(error, dict) else error
            raise self.malformed(f"answered with an error: {redact(str(message)).rstrip('.')}")
        return body


def total_tokens(body: dict[str, Any]) -> int | None:
    """What an answer says that it cost, in tokens; None where it does not say."""
    usage = body.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if isinstance(total, int) and total >= 0 else None
