"""A headless Chromium, driven over its debugging pipe: how a page looks at a width, in light or dark.

The protocol is JSON messages that end with a zero byte, on descriptors 3 and 4 of the browser.
"""

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

OPTIONS = (
    "--headless=new",
    # As root, and in a container, there is nothing that its sandbox could be built from; it opens our own page only.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
)
TIMEOUT_S = 60


class Browser:
    """One browser with one page in it."""

    def __init__(self) -> None:
        program = shutil.which("chromium")
        if program is None:
            raise RuntimeError("there is no chromium: ci/setup browser installs it")
        self._home = tempfile.TemporaryDirectory(prefix="browser-")
        read_here, write_there = os.pipe()
        read_there, write_here = os.pipe()
        # The browser wants them as 3 and 4, whatever numbers they have here.
        script = f'exec 8<&{read_there} 9>&{write_there} 3<&8 4>&9; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "-", program, *OPTIONS, f"--user-data-dir={self._home.name}", "about:blank"],
            pass_fds=[read_there, write_there],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self._home.name},
            start_new_session=True,
        )
        os.close(read_there)
        os.close(write_there)
        self._out, self._in = os.fdopen(write_here, "wb"), os.fdopen(read_here, "rb")
        self._rest = b""
        self._number = 0
        self._session = ""
        try:
            self._attach()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attach(self) -> None:
        pages = self.call("Target.getTargets")["targetInfos"]
        target = next(each["targetId"] for each in pages if each["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")

    def call(self, method: str, **params: Any) -> "dict[str, Any]":
        """One command of the protocol, and its result; RuntimeError with the browser's complaint."""
        self._number += 1
        message: "dict[str, Any]" = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _receive(self) -> "dict[str, Any]":
        with _no_longer_than(TIMEOUT_S):
            while b"\0" not in self._rest:
                data = self._in.read1(1 << 16)
                if not data:
                    raise RuntimeError("the browser has ended")
                self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        return json.loads(line)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']['text']}")
        return result["result"].get("value")

    def open(self, page: Path, width: int, scheme: str, height: int = 844) -> None:
        """Show a page on a screen of this width, in the colour scheme "light" or "dark"."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=page.resolve().as_uri())
        loaded = "new Promise(done => document.readyState == 'complete' ? done() : addEventListener('load', done))"
        self.evaluate(loaded)

    def screenshot(self, path: Path) -> None:
        """The whole page as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12000), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        """End the browser and all it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with contextlib.suppress(OSError):
            self._out.close()
        self._in.close()
        self._home.cleanup()


@contextlib.contextmanager
def _no_longer_than(seconds: float) -> "Any":
    """TimeoutError when the block takes longer; in the main thread only."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"the browser did not answer within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# What is wider than the screen, as the reader would have to scroll for it.
OVERFLOW = """(() => {
  const wide = document.documentElement.clientWidth;
  const found = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > wide + 1);
  return {width: wide, scroll: document.documentElement.scrollWidth,
          wide: found.slice(0, 5).map(e => e.tagName + '.' + e.className)};
})()"""
OPEN_ALL = "document.querySelectorAll('details').forEach(each => each.open = true)"


def faults_of_page(page: Path, directory: Path, width: int = 390) -> "list[str]":
    """What a reader on a phone would complain about, in light and in dark; leaves a picture of each."""
    complaints = []
    papers = []
    with Browser() as browser:
        for scheme in ("light", "dark"):
            browser.open(page, width, scheme)
            browser.screenshot(directory / f"{page.stem}-{scheme}.png")
            papers.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
            browser.evaluate(OPEN_ALL)
            seen = browser.evaluate(OVERFLOW)
            if seen["width"] != width:
                complaints.append(f"{scheme}: the page is laid out {seen['width']} wide, not {width}")
            if seen["scroll"] > width or seen["wide"]:
                complaints.append(f"{scheme}: wider than the screen ({seen['scroll']} of {width}): {seen['wide']}")
            if not browser.evaluate("document.querySelectorAll('svg.line rect.master').length"):
                complaints.append(f"{scheme}: no time line is drawn")
    if len(set(papers)) != 2:
        complaints.append(f"light and dark have one background: {papers[0]}")
    return complaints
