"""Serves the test page and the chosen copy of `livekit-client` on a free port of 127.0.0.1."""

from __future__ import annotations

import functools
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from conformance.processes import ROOT

PAGE = Path(__file__).resolve().parents[1] / "page"
NEWEST = ROOT / "var" / "livekit-client-newest"


def client_folder(newest: bool) -> Path:
    """Folder with the built `livekit-client`, installed by npm where it is missing.

    The pinned one comes from the lock file beside the page, the newest from the registry's tag `latest`
    into `var/`, at every call.
    """
    npm = shutil.which("npm")
    if newest:
        if npm is None:
            raise RuntimeError("npm is needed to fetch the newest livekit-client")
        NEWEST.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
        command += ["--prefix", str(NEWEST), "livekit-client@latest"]
        subprocess.run(command, cwd=NEWEST, check=True, capture_output=True, timeout=180)
        return NEWEST / "node_modules" / "livekit-client" / "dist"
    folder = PAGE / "node_modules" / "livekit-client" / "dist"
    if not folder.exists():
        if npm is None:
            raise RuntimeError(f"run `npm ci --ignore-scripts` in {PAGE.relative_to(ROOT)}")
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=PAGE, check=True, capture_output=True, timeout=180)
    return folder


class PageServer:
    """A thread that answers `/` from the page's folder and `/client/` from the client's."""

    def __init__(self, client: Path) -> None:
        class Handler(SimpleHTTPRequestHandler):
            def translate_path(self, path: str) -> str:
                if path.startswith("/client/"):
                    return str(client / Path(path.split("?")[0]).name)
                return super().translate_path(path)

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        handler = functools.partial(Handler, directory=str(PAGE))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address of the page; loopback is a secure context, as cameras and encryption need."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/index.html"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
