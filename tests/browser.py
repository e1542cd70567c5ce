"""A page in a real browser: Chromium, driven through its DevTools protocol over two pipes.

Standard library alone. Where no Chromium is on the path, `CHROMIUM` is None.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
SECONDS = 60  # for an answer
# The browser reads descriptor 3 and writes 4.
_START = "import os, sys; os.dup2({}, 3); os.dup2({}, 4); os.execv(sys.argv[1], sys.argv[1:])"


class Browser:
    """One page of a headless Chromium; `with Browser() as page: page.open(file)`.

    errors : list of str
        What the page logged as an error, threw, or was refused, since it was opened.
    """

    def __init__(self) -> None:
        assert CHROMIUM
        self.errors: list[str] = []
        self._answers: dict[int, dict[str, Any]] = {}
        self._loaded = False
        self._number = 0
        self._buffer = b""
        self._session: str | None = None
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs = []
        (ours, self._write), (self._read, out) = os.pipe(), os.pipe()
        for end in (ours, out):
            theirs.append(fcntl.fcntl(end, fcntl.F_DUPFD, 10))
            os.close(end)
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                   "--no-first-run", "--hide-scrollbars", "--disable-dev-shm-usage",
                   "--remote-debugging-pipe", f"--user-data-dir={self._profile.name}"]  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START.format(*theirs), CHROMIUM, *options, "about:blank"],
            pass_fds=theirs,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for end in theirs:
            os.close(end)

    def __enter__(self) -> Browser:
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._write)  # the browser ends
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        self._profile.cleanup()

    def open(
        self, page: Path | str, *, width: int = 1280, height: int = 900, dark: bool = False
    ) -> None:
        """Load a file or an address, wait until it is drawn."""
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=900,
                  deviceScaleFactor=1, mobile=width < 600)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self.errors.clear()
        self._loaded = False
        self._ask("Page.navigate", url=page if isinstance(page, str) else page.resolve().as_uri())
        while not self._loaded:
            self._receive()
        self.wait()

    def wait(self, seconds: float = 0.0) -> None:
        """Until two frames from now, `seconds` later."""
        frames = "requestAnimationFrame(() => requestAnimationFrame(done))"
        self.run(f"new Promise(done => setTimeout(() => {frames}, {seconds * 1000}))")

    def run(self, script: str) -> Any:
        """The value of an expression of JavaScript, awaited."""
        answer = self._ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(_message(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def type(self, selector: str, text: str) -> None:
        """Into a field, in place of what is there."""
        self.run(f"document.querySelector({json.dumps(selector)}).select()")
        if text:
            self._ask("Input.insertText", text=text)
        else:
            self.press("Backspace")

    def press(self, key: str) -> None:
        codes = {"Tab": 9, "Enter": 13, "Backspace": 8, "+": 107}
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self._ask("Input.dispatchKeyEvent", type=kind, key=key,
                      windowsVirtualKeyCode=codes.get(key, 0), **text)  # fmt: skip

    def drag(self, *places: tuple[float, float]) -> None:
        """Press the left button at the first place, in pixels of the window, let go at the last."""
        mouse = {"button": "left", "buttons": 1, "clickCount": 1}
        kinds = ["mousePressed", *["mouseMoved"] * (len(places) - 1), "mouseReleased"]
        for kind, (x, y) in zip(kinds, [*places, places[-1]], strict=True):
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **mouse)

    def print(self) -> bytes:
        """The page as a PDF."""
        answer = self._ask("Page.printToPDF", printBackground=False)
        return base64.b64decode(answer["data"])

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while self._number not in self._answers:
            self._receive()
        answer = self._answers.pop(self._number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]  # type: ignore[no-any-return]

    def _receive(self) -> None:
        """Read one message: an answer, or an event."""
        deadline = time.monotonic() + SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            block = os.read(self._read, 1 << 20) if ready else b""
            if not block:
                raise RuntimeError(f"Chromium has not answered: {self._process.poll()}")
            self._buffer += block
        line, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(line)
        if "id" in message:
            self._answers[message["id"]] = message
        else:
            self._event(message["method"], message["params"])

    def _event(self, method: str, params: Mapping[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            self.errors.append(_message(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.errors.append(str([value.get("value") for value in params["args"]]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])


def _message(details: Mapping[str, Any]) -> str:
    with contextlib.suppress(KeyError):
        return str(details["exception"]["description"])
    return str(details["text"])
