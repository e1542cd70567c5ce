"""An embedding API on this machine, which answers as OpenAI's and Cohere's do, or misbehaves."""

import base64
import json
import os
import random
import threading
import time
import zlib
from collections import deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np


def vector(model, text, dimensions=8):
    """What the server's model makes of a text."""
    rng = np.random.default_rng(zlib.crc32(f"{model}\0{text}".encode()))
    return rng.normal(size=dimensions).astype(np.float32)


class ApiServer:
    """Answers every request; those faults first that `faults` holds.

    A fault is a tuple (status, message) or (status, message, headers) or (status, message,
    headers, code), "drop" (the connection ends without an answer), "drip" (a byte now and then,
    without end), "cut" (the connection ends within a chunk), bytes (an answer that is no JSON), or
    a number of seconds to wait before.
    """

    def __init__(self):
        self.faults = deque()
        self.requests = []  # (arrival, path, headers, body)
        self.key = None  # the only key that is taken
        self.max_inputs = 2048
        self.refused = None  # a text with this in it is refused
        self.as_floats = False
        self.answer = None  # what to say instead of an answer
        self.busy = self.most_at_once = 0
        self.pause = 0.0
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def close(self):
        self._http.shutdown()
        self._http.server_close()

    @property
    def texts(self):
        """Every text that was asked for, in the order of the requests."""
        return [text for _, _, _, body in self.requests for text in _inputs(body)]

    def _handler(server):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server._lock:
                    server.requests.append((time.monotonic(), self.path, self.headers, body))
                    fault = server.faults.popleft() if server.faults else None
                    server.busy += 1
                    server.most_at_once = max(server.most_at_once, server.busy)
                time.sleep(server.pause)
                with server._lock:
                    server.busy -= 1
                if fault == "drop":
                    self.close_connection = True
                    self.connection.shutdown(2)
                    return
                if fault == "cut":
                    self.close_connection = True
                    self.send_response(200)
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    self.wfile.write(b'40\r\n{"data": [')
                    return
                if fault == "drip":
                    self._drip()
                    return
                if isinstance(fault, bytes):
                    self._write(200, fault, {"Content-Type": "text/html"})
                    return
                if isinstance(fault, float):
                    time.sleep(fault)
                    fault = None
                self._say(*(fault or server._reply(self.path, self.headers, body)))

            def _say(self, status, content, headers=(), code=None):
                if isinstance(content, str):
                    content = {"error": {"message": content, "code": code}, "message": content}
                headers = {"Content-Type": "application/json", **dict(headers)}
                self._write(status, json.dumps(content).encode(), headers)

            def _write(self, status, data, headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                with suppress(OSError):  # the client no longer waits
                    self.end_headers()
                    self.wfile.write(data)

            def _drip(self):
                self.send_response(200)
                self.send_header("Content-Length", "1000000")
                with suppress(OSError):
                    self.end_headers()
                    for _ in range(200):
                        self.wfile.write(b" ")
                        time.sleep(0.02)

        return Handler

    def _reply(self, path, headers, body):
        key = headers["Authorization"].removeprefix("Bearer ")
        if self.key not in (None, key):
            return 401, f"Incorrect API key provided: {key}."
        if self.answer is not None:
            return 200, self.answer
        texts = _inputs(body)
        if not all(texts):
            return 400, "Invalid 'input[0]': input cannot be an empty string."
        if len(texts) > self.max_inputs:
            return 400, f"input has {len(texts)} elements, more than {self.max_inputs}."
        if self.refused and any(self.refused in text for text in texts):
            return 400, "the input was flagged."
        words = sum(len(text.split()) for text in texts)
        size = body.get("dimensions") or body.get("output_dimension") or 8
        rows = [vector(body["model"], text, size) for text in texts]
        if path == "/v2/embed":
            return 200, {
                "id": "1",
                "embeddings": {"float": [row.tolist() for row in rows]},
                "meta": {"billed_units": {"input_tokens": words}},
            }
        if path != "/v1/embeddings":
            return 404, f"Unknown URL {path}."
        as_text = body.get("encoding_format") == "base64" and not self.as_floats
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(row.tobytes()).decode() if as_text else row.tolist(),
            }
            for index, row in enumerate(rows)
        ]
        random.Random(0).shuffle(data)
        usage = {"prompt_tokens": words, "total_tokens": words}
        return 200, {"object": "list", "data": data, "model": body["model"], "usage": usage}


def _inputs(body):
    return body["texts"] if "texts" in body else body["input"]


def stop_when(condition, *signals):
    """Send these signals to this process, one after another, once the condition holds."""

    def wait():
        while not condition():
            time.sleep(0.01)
        for number in signals:
            os.kill(os.getpid(), number)
            time.sleep(0.1)

    threading.Thread(target=wait, daemon=True).start()
