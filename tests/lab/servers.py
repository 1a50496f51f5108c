"""The servers of the lab: nginx, gunicorn, Redis and PostgreSQL, on loopback only.

`Site` starts its own of each in a folder of its own, and stops exactly those. Debian's packages
are nginx-light, redis-server and postgresql; the application runs in the Python that LAB_PYTHON
names (by default this one), with gunicorn, redis and psycopg[binary,pool].
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

HERE = Path(__file__).parent
PYTHON = os.environ.get("LAB_PYTHON", sys.executable)
FILLING = 20  # [s]
PACKAGES = "gunicorn, redis, psycopg, psycopg_pool"

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    upstream app {{ {policy} {servers} keepalive 512; }}
    server {{
        listen 127.0.0.1:{port} backlog=8192;
        keepalive_requests 1000000;
        location / {{
            proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_read_timeout 130s;
        }}
    }}
}}
"""


def missing() -> str:
    """Return which servers are not here, "" if all are."""
    lacking = [n for n in ("nginx", "redis-server") if not shutil.which(n)]
    if not postgresql():
        lacking.append("postgresql")
    found = subprocess.run([PYTHON, "-c", f"import {PACKAGES}"], capture_output=True)
    if found.returncode:
        lacking.append(f"{PACKAGES} in {PYTHON}")
    return ", ".join(lacking)


def postgresql() -> str:
    """Return the folder of PostgreSQL's programs, "" if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return str(found[-1].parent) if found else ""


@dataclass
class Site:
    """A site that runs while the `with` statement does.

    Parameters
    ----------
    threads : int
        Threads of each application server. [-]
    pool : int
        Connections of each to the database. [-]
    cached : int
        Connections of each to the cache. [-]
    servers : int, default 1
        Application servers behind nginx. [-]
    policy : str, default ""
        Policy of nginx: "" is round robin, or "least_conn". [-]
    memory : float, default 3.0
        Memory of Redis. [MB]
    work, query : float
        Mean times of the work of a thread and of a query. [s]
    port : int, default 8100
        First of twenty ports. [-]
    """

    threads: int
    pool: int
    cached: int
    servers: int = 1
    policy: str = ""
    memory: float = 3.0
    work: float = 0.040
    query: float = 0.060
    port: int = 8100
    folder: Path = field(init=False)
    _running: list[subprocess.Popen[bytes]] = field(init=False, default_factory=list)

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="lab"))
        self.folder.chmod(0o755)
        try:
            self._database()
            self._cache()
            for i in range(self.servers):
                self._application(self.port + 1 + i)
            self._balancer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def spans(self) -> Path:
        """File of the spans of all requests."""
        return self.folder / "spans.json"

    def redis(self, *command: str) -> str:
        """Return what Redis answers to a command."""
        call = ["redis-cli", "-p", str(self.port + 18), *command]
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout

    def fill(self, keys: int, exponent: float, requests: int = 30_000) -> None:
        """Bring the cache to what many requests would have left in it, and count anew.

        Redis tells ages by the second, so that the requests need some of them.
        """
        value, rng = "x" * 1000, np.random.default_rng(0)
        weights = np.arange(1, keys + 1) ** -exponent
        drawn = rng.choice(keys, requests, p=weights / weights.sum())
        call = ["redis-cli", "-p", str(self.port + 18), "--pipe"]
        for part in np.array_split(drawn, FILLING):
            lines = "".join(f"SET {key} {value}\r\n" for key in part.tolist())
            subprocess.run(call, input=lines.encode(), capture_output=True, check=True)
            time.sleep(1.0)
        self.redis("CONFIG", "RESETSTAT")

    def lose_server(self) -> None:
        """Stop the last application server."""
        process = self._running[-2]
        process.terminate()
        process.wait()

    def drive(self, path: Path, **asked: Any) -> Path:
        """Send a load to the site, and return the file of its latencies."""
        text = json.dumps({"port": self.port, "seed": 1} | asked)
        subprocess.run([PYTHON, str(HERE / "load.py"), text, str(path)], check=True)
        return path

    def _start(self, *command: str, **more: Any) -> None:
        name = Path(command[0]).name
        with (self.folder / f"{name}.out").open("ab") as log:
            self._running.append(
                subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **more)
            )

    def _database(self) -> None:
        user = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        data, programs = self.folder / "pg", postgresql()
        data.mkdir(mode=0o700)
        shutil.chown(data, user.pw_uid)
        who: dict[str, Any] = {"user": user.pw_uid, "cwd": "/"} if os.getuid() == 0 else {}
        call = [f"{programs}/initdb", "-D", str(data), "-A", "trust", "-U", "lab", "-N"]
        subprocess.run(call, check=True, capture_output=True, **who)
        port = self.port + 19
        options = {
            "listen_addresses": "127.0.0.1", "port": port, "max_connections": 200,
            "fsync": "off", "unix_socket_directories": "",
        }  # fmt: skip
        flags = [x for key, value in options.items() for x in ("-c", f"{key}={value}")]
        self._start(f"{programs}/postgres", "-D", str(data), *flags, **who)
        opened(port)

    def _cache(self) -> None:
        options = {
            "port": self.port + 18, "bind": "127.0.0.1", "save": "", "appendonly": "no",
            "maxmemory": f"{round(self.memory * 1e6)}", "maxmemory-policy": "allkeys-lru",
            "maxmemory-samples": 10, "dir": str(self.folder),
        }  # fmt: skip
        flags = [x for key, value in options.items() for x in (f"--{key}", str(value))]
        self._start("redis-server", *flags)
        opened(self.port + 18)

    def _application(self, port: int) -> None:
        dsn = f"host=127.0.0.1 port={self.port + 19} user=lab dbname=postgres"
        environment = os.environ | {
            "WORK": str(self.work), "QUERY": str(self.query), "POOL": str(self.pool),
            "CACHED": str(self.cached), "REDIS_PORT": str(self.port + 18),
            "PG_DSN": dsn, "SPANS": str(self.spans),
        }  # fmt: skip
        flags = [
            "-k", "gthread", "--threads", str(self.threads), "-w", "1", "--backlog", "8192",
            "--keep-alive", "300", "--worker-connections", "8000", "-b", f"127.0.0.1:{port}",
            "--graceful-timeout", "1", "--timeout", "300",
        ]  # fmt: skip
        self._start(
            PYTHON, "-m", "gunicorn", *flags, "application:app", cwd=HERE, env=environment
        )
        opened(port)

    def _balancer(self) -> None:
        servers = " ".join(
            f"server 127.0.0.1:{self.port + 1 + i} max_fails=1 fail_timeout=300s;"
            for i in range(self.servers)
        )
        text = NGINX.format(
            folder=self.folder, policy=f"{self.policy};" if self.policy else "",
            servers=servers, port=self.port,
        )  # fmt: skip
        (self.folder / "nginx.conf").write_text(text)
        self._start("nginx", "-c", str(self.folder / "nginx.conf"))
        opened(self.port)


def opened(port: int, patience: float = 30.0) -> None:
    """Wait until something listens at a port."""
    until = time.monotonic() + patience
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1.0):
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
