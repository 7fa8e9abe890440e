"""A headless Chromium, driven by its own protocol over two pipes: no package, no port.

https://chromedevtools.github.io/devtools-protocol/, --remote-debugging-pipe: JSON, each message
ended by a zero byte, read by the browser from file 3 and written to file 4.
"""

from __future__ import annotations

import base64
import fcntl
import io
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--no-proxy-server", "--window-size=2200,1200",
    "--remote-debugging-pipe",
]  # fmt: skip
SECONDS = 30.0  # to wait for an answer, or for something to appear

# TensorBoard's elements hide their insides in shadow roots: every element, whatever the depth
ELEMENTS = """
(() => {
  const found = [];
  const go = node => {
    if (node.shadowRoot) go(node.shadowRoot);
    for (const child of node.children) { found.push(child); go(child); }
  };
  if (document.body) go(document.body);
  return found;
})()
"""


class Chromium:
    """One browser with one page."""

    def __init__(self, home: Path) -> None:
        assert PROGRAM is not None
        there, self.out = os.pipe()
        self.inbox, back = os.pipe()
        # above 4, so that neither is overwritten when they become 3 and 4
        reads, writes = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (there, back))

        def become_3_and_4() -> None:
            os.dup2(reads, 3)
            os.dup2(writes, 4)

        self.process = subprocess.Popen(
            [PROGRAM, *FLAGS, f"--user-data-dir={home}", "about:blank"], pass_fds=(3, 4),
            preexec_fn=become_3_and_4, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for fd in (there, back, reads, writes):
            os.close(fd)
        self.buffer, self.calls, self.session = b"", 0, ""
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        answer = self.call("Target.attachToTarget", targetId=page, flatten=True)
        self.session = answer["sessionId"]

    def call(self, method: str, **params: Any) -> Any:
        """The protocol's answer to one message; events in between are passed over."""
        self.calls += 1
        message = {"id": self.calls, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.calls:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self) -> Any:
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.inbox], [], [], SECONDS)
            data = os.read(self.inbox, 1 << 16) if ready else b""
            assert data, "the browser does not answer"
            self.buffer += data
        first, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(first)

    def open(self, address: str) -> None:
        self.call("Page.navigate", url="about:blank")  # else a changed #fragment loads nothing
        self.call("Page.navigate", url=address)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def elements(self, expression: str) -> list[Any]:
        """`expression` of each element e, where it is not null."""
        found: list[Any] = self.run(f"{ELEMENTS}.map(e => {expression}).filter(x => x != null)")
        return found

    def text(self) -> str:
        """All words of the page, a line for each element's own."""
        own = "[...e.childNodes].filter(n => n.nodeType == 3).map(n => n.data.trim()).join(' ')"
        return "\n".join(filter(None, self.elements(f"e.tagName == 'STYLE' ? null : {own}")))

    def wait(self, what: str, condition: Any) -> Any:
        """The condition's value as soon as it is true."""
        deadline = time.monotonic() + SECONDS
        while not (value := condition()):
            assert time.monotonic() < deadline, f"not seen: {what}"
            time.sleep(0.2)
        return value

    def see(self) -> np.ndarray:
        """The page as it is: (H, W, 3) uint8."""
        png = base64.b64decode(self.call("Page.captureScreenshot")["data"])
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        os.close(self.out)
        os.close(self.inbox)
