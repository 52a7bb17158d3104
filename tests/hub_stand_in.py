"""A small stand-in for the hub's API, as far as an upload goes."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_stand_in"


class Hub:
    """Repositories in memory, served on a free port of this machine."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                hub.requests.append(f"GET {self.path}")
                name = self.path.removeprefix("/api/models/").partition("/revision")[0]
                name, _, rest = name.partition("/tree/")
                if name.partition("?")[0] not in hub.repositories:
                    self.answer(404, {"error": "Repository not found"}, "RepoNotFound")
                elif rest:
                    files = hub.repositories[name]
                    self.answer(
                        200,
                        [
                            {"type": "file", "path": path, "size": len(data), "oid": "0" * 40}
                            for path, data in files.items()
                        ],
                    )
                else:
                    name = name.partition("?")[0]
                    siblings = [{"rfilename": path} for path in hub.repositories[name]]
                    self.answer(200, {"id": name, "siblings": siblings, "sha": "1" * 40})

            def do_POST(self) -> None:
                hub.requests.append(f"POST {self.path}")
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    self.answer(401, {"error": "Invalid credentials"})
                elif self.path == "/api/repos/create":
                    asked = json.loads(body)
                    name = f"{asked['organization']}/{asked['name']}"
                    hub.repositories[name] = {".gitattributes": b""}
                    secret = asked.get("private"), asked.get("visibility") == "private"
                    hub.private[name] = True in secret
                    self.answer(200, {"url": f"{hub.address}/{name}"})
                elif "/preupload/" in self.path:
                    files = json.loads(body)["files"]
                    self.answer(200, {"files": [hub.mode(file) for file in files]})
                elif self.path.endswith("/info/lfs/objects/batch"):
                    objects = json.loads(body)["objects"]
                    self.answer(200, {"objects": [hub.place(each) for each in objects]})
                elif self.path == "/api/validate-yaml":
                    self.answer(200, {"errors": [], "warnings": []})
                else:
                    name = self.path.removeprefix("/api/models/").partition("/commit/")[0]
                    hub.commit(name, [json.loads(line) for line in body.splitlines()])
                    self.answer(
                        200,
                        {
                            "success": True,
                            "commitOid": "2" * 40,
                            "commitUrl": f"{hub.address}/{name}/commit/{'2' * 40}",
                        },
                    )

            def do_PUT(self) -> None:
                hub.large[self.path.rpartition("/")[2]] = self.rfile.read(
                    int(self.headers["Content-Length"])
                )
                self.answer(200, {})

            def answer(self, status: int, content: Any, code: str = "") -> None:
                data = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                if code:
                    self.send_header("X-Error-Code", code)
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def mode(self, file: dict[str, Any]) -> dict[str, Any]:
        large = file["path"].endswith((".safetensors", ".npy"))
        return {
            "path": file["path"],
            "uploadMode": "lfs" if large else "regular",
            "shouldIgnore": False,
        }

    def place(self, wanted: dict[str, Any]) -> dict[str, Any]:
        href = f"{self.address}/large/{wanted['oid']}"
        return wanted | {"actions": {"upload": {"href": href, "header": {}}}}

    def commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        files = self.repositories[name]
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.large[value["oid"]]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
