"""What went wrong with a request to an API, in the same words for every SDK."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

TEMPORARY = {408, 409, 429}  # and every 5xx
OF_ITEMS = {400, 413, 422}  # the request itself is refused: its size, or something in it


@dataclass(frozen=True)
class Failure:
    """What went wrong with one request.

    status : of HTTP; None where no answer came: a time-out, a dropped connection, no network
    message : the server's, or what the SDK says; it may hold a key, see `redact`
    headers : of the answer
    out_of_credit : the account has none left, so to send it again is of no use
    too_large : the request by itself is beyond the rate limit, so to send it again is of no use
    timed_out : no answer came in time
    """

    status: int | None
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    out_of_credit: bool = False
    too_large: bool = False
    timed_out: bool = False

    @property
    def temporary(self) -> bool:
        if self.out_of_credit or self.too_large:
            return False
        return self.status is None or self.status in TEMPORARY or self.status >= 500

    @property
    def of_items(self) -> bool:
        """Whether a request with fewer items may be accepted."""
        return (self.status in OF_ITEMS and not self.out_of_credit) or self.too_large

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks to wait, if it does."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            if "retry-after-ms" in headers:
                seconds = float(headers["retry-after-ms"]) / 1000
            else:
                seconds = float(headers["retry-after"])
        except KeyError:
            return None
        except ValueError:
            try:
                moment = parsedate_to_datetime(headers["retry-after"])
                seconds = moment.timestamp() - time.time()
            except (KeyError, ValueError):
                return None
        return max(0.0, seconds) if math.isfinite(seconds) else None


def redact(message: str) -> str:
    """`message` in one line, without anything that looks like a key."""
    message = re.sub(r"\bsk-[\w*.-]{4,}|[Bb]earer\s+\S+|(?<=://)[^/@\s]+(?=@)", "***", message)
    return " ".join(message.split())[:500]
