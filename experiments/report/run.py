"""How soon report.html is ready, and how long a zoom takes, by the number of points.

python experiments/report/run.py 20000 500000
"""

from __future__ import annotations

import queue
import re
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from components.base import Corpus, Result, Topic
from components.reports.page import write_report

N_TOPICS = 100
WORDS = 20  # of a document
MEASURE = """<script>
const frames = next => requestAnimationFrame(() => requestAnimationFrame(next));
addEventListener("load", () => frames(() => {
  const ready = performance.now();
  document.getElementById("map-in").click();
  frames(() => fetch(`/measured/${Math.round(ready)}/${Math.round(performance.now() - ready)}`));
}));
</script>"""


def main() -> None:
    lines = ["points, page in MB, ready in ms, zoom in ms"]
    for n in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as temporary:
            (path,) = write_report(_result(n), Path(temporary), max_megabytes=100)
            source = path.read_text(encoding="utf-8")
            page = re.sub("<meta http-equiv[^>]*>", "", source) + MEASURE
            measured = sorted(_measured(page) for _ in range(5))
            lines.append(f"{n}, {len(source) / 1e6:.1f}, {', '.join(map(str, measured[2]))}")
    print("\n".join(lines))


def _measured(page: str) -> tuple[int, ...]:
    """Milliseconds until the page is drawn, and of a zoom, to the second frame after it."""
    found: queue.Queue[tuple[int, ...]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path.startswith("/measured/"):
                found.put(tuple(map(int, self.path.split("/")[2:])))
            body = page.encode() if self.path == "/" else b""
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    address = ("127.0.0.1", 0)
    with ThreadingHTTPServer(address, Handler) as server, tempfile.TemporaryDirectory() as profile:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu"]
        command += ["--remote-debugging-port=0", f"--user-data-dir={profile}"]
        command += ["--window-size=1280,900"]
        browser = subprocess.Popen(
            [*command, f"http://127.0.0.1:{server.server_port}/"], stderr=subprocess.DEVNULL
        )
        try:
            return found.get(timeout=120)
        finally:
            browser.terminate()
            browser.wait()
            server.shutdown()


def _result(n: int) -> Result:
    """Documents of made-up words in clouds, one for each topic."""
    rng = np.random.default_rng(0)
    labels = rng.integers(N_TOPICS, size=n)
    words = np.array([f"word{i}" for i in range(5000)])
    documents = [" ".join(row) for row in words[rng.integers(5000, size=(n, WORDS))]]
    places = rng.uniform(0, 50, (N_TOPICS, 2))[labels] + rng.normal(size=(n, 2))
    topics = []
    for topic in range(N_TOPICS):
        rows = np.flatnonzero(labels == topic)
        chosen = tuple((str(word), 1.0) for word in words[topic * 10 : topic * 10 + 10])
        topics.append(Topic(topic, len(rows), chosen, int(rows[0]), tuple(rows[:5].tolist())))
    X = rng.normal(size=(n, 8)).astype(np.float32)
    strengths = np.ones(n, np.float32)
    return Result(
        Corpus(documents), np.arange(n), X, X, labels, strengths, topics,
        coordinates=places.astype(np.float32),
    )  # fmt: skip


if __name__ == "__main__":
    main()
