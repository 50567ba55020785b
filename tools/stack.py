"""The whole product as processes on this machine: broker, blocklist, notifier, and the relay when there is a need for one.

`running_stack` is what `make run`, the demo and the end-to-end tests share: inside its block every service is ready, a
process that dies comes back on the same port with the same data, and after the block none runs. State lives in `var_dir`
alone, and survives from one stack to the next.
"""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tools.apache import ApacheKafka
from tools.broker import HOST, IDLE_PAUSE_MS, Broker, free_port, is_free, tail, wait_until_answering
from tools.supervisor import ROOT, Say, Service, Supervisor, say_on_terminal

READY_WITHIN = 45.0
MIGRATED_WITHIN = 120.0
HIGHEST_PORT = 65535
_HOPELESS_AFTER_DEATHS = 3


class StackError(Exception):
    """The stack cannot be started; the message says what to change or shows the log that does."""


BROKERS: Mapping[str, type[Broker]] = {"wheel": Broker, "apache": ApacheKafka}
"""What `BROKER` may name: the broker that comes in a wheel, or Apache Kafka, which needs Java and Maven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """Where everything listens and keeps its state. `bootstrap_servers` None means: start a broker of this kind."""

    var_dir: Path
    blocklist_port: int
    relay_port: int
    notifier_port: int
    kafka_port: int
    bootstrap_servers: str | None
    blocklist_database_url: str
    notifier_database_url: str
    clock_file: Path | None = None
    broker: str = "wheel"
    environ: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Reads the variables that `make run` respects; an empty one counts as unset. Raises StackError for a bad port."""
        var_dir = (ROOT / (environ.get("GEOWITHHOLD_VAR") or "var")).resolve()
        clock_file = environ.get("GEOWITHHOLD_CLOCK_FILE")
        return cls(
            var_dir=var_dir,
            blocklist_port=_port(environ, "BLOCKLIST_PORT", 8000),
            relay_port=_port(environ, "BLOCKLIST_RELAY_PORT", 8002),
            notifier_port=_port(environ, "NOTIFIER_PORT", 8001),
            kafka_port=_port(environ, "KAFKA_PORT", 9092),
            bootstrap_servers=environ.get("KAFKA_BOOTSTRAP_SERVERS") or None,
            blocklist_database_url=environ.get("BLOCKLIST_DATABASE_URL") or _sqlite(var_dir, "blocklist"),
            notifier_database_url=environ.get("NOTIFIER_DATABASE_URL") or _sqlite(var_dir, "notifier"),
            clock_file=Path(clock_file).absolute() if clock_file else None,
            broker=_broker(environ),
            environ=dict(environ),
        )

    @classmethod
    def on_free_ports(cls, var_dir: Path, *, environ: Mapping[str, str], clock_file: Path | None = None) -> Self:
        """A stack of its own for a test or the demo: free ports, its own broker, SQLite. `environ` is only handed down."""
        return cls(
            var_dir=var_dir.resolve(),
            blocklist_port=free_port(),
            relay_port=free_port(),
            notifier_port=free_port(),
            kafka_port=free_port(),
            bootstrap_servers=None,
            blocklist_database_url=_sqlite(var_dir.resolve(), "blocklist"),
            notifier_database_url=_sqlite(var_dir.resolve(), "notifier"),
            clock_file=clock_file,
            broker=_broker(environ),
            environ=dict(environ),
        )

    @property
    def bootstrap(self) -> str:
        return self.bootstrap_servers or f"{HOST}:{self.kafka_port}"

    @property
    def log_dir(self) -> Path:
        return self.var_dir / "log"

    @property
    def ports(self) -> dict[str, int]:
        """The HTTP port of each service, by the name of its process. On SQLite the relay runs inside the blocklist."""
        ports = {"blocklist": self.blocklist_port, "notifier": self.notifier_port}
        if not self.blocklist_database_url.startswith("sqlite"):
            ports["relay"] = self.relay_port
        return ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack that runs. Use `supervisor` to add processes of your own, or to take one of these down for a while."""

    settings: StackSettings
    supervisor: Supervisor

    @property
    def blocklist_url(self) -> str:
        return f"http://{HOST}:{self.settings.blocklist_port}"

    @property
    def notifier_url(self) -> str:
        return f"http://{HOST}:{self.settings.notifier_port}"

    @property
    def bootstrap(self) -> str:
        return self.settings.bootstrap

    @property
    def log_dir(self) -> Path:
        return self.settings.log_dir

    @property
    def env(self) -> dict[str, str]:
        return service_env(self.settings)

    def pids(self) -> dict[str, int]:
        """The process ids of what runs now: `broker`, `blocklist`, `notifier`, `relay`, and whatever was added."""
        return self.supervisor.pids()

    def wait_ready(self, name: str, within: float = READY_WITHIN) -> None:
        """Returns once this service answers `/readyz` with 200. Raises StackError when it is too late or keeps dying."""
        deadline = time.monotonic() + within
        while not _is_ready(self.settings.ports[name]):
            hopeless = self.supervisor.deaths(name) >= _HOPELESS_AFTER_DEATHS
            if hopeless or time.monotonic() > deadline:
                log = self.log_dir / f"{name}.log"
                state = "keeps dying" if hopeless else f"is not ready within {within:g} s"
                raise StackError(f"{name} {state}. {log} ends:\n{tail(log)}")
            time.sleep(0.05)


@contextmanager
def running_stack(settings: StackSettings, *, say: Say = say_on_terminal) -> Iterator[Stack]:
    """Everything up, migrated and ready inside the block, everything stopped after it."""
    _require_free_ports(settings)
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    with Supervisor(say=say) as supervisor:
        stack = Stack(settings=settings, supervisor=supervisor)
        if settings.bootstrap_servers is None:
            _start_broker(stack)
        for name in ("blocklist", "notifier"):
            _migrate(settings, name)
        for service in services(settings):
            supervisor.add(service)
        for name in settings.ports:
            stack.wait_ready(name)
        yield stack


def services(settings: StackSettings) -> list[Service]:
    """The processes of the product for these settings, without the broker."""
    modules = {
        "blocklist": ("services.blocklist", "api"),
        "relay": ("services.blocklist", "relay"),
        "notifier": ("services.notifier", "run"),
    }
    return [
        Service(
            name=name,
            argv=_python(*modules[name]),
            env=service_env(settings),
            log_path=settings.log_dir / f"{name}.log",
        )
        for name in settings.ports
    ]


def service_env(settings: StackSettings) -> dict[str, str]:
    """What every service reads, on top of the caller's environment."""
    env = dict(settings.environ) | {
        "BLOCKLIST_PORT": str(settings.blocklist_port),
        "BLOCKLIST_RELAY_PORT": str(settings.relay_port),
        "NOTIFIER_PORT": str(settings.notifier_port),
        "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap,
        "BLOCKLIST_DATABASE_URL": settings.blocklist_database_url,
        "NOTIFIER_DATABASE_URL": settings.notifier_database_url,
        "BLOCKLIST_URL": f"http://{HOST}:{settings.blocklist_port}",
        "GEOWITHHOLD_VAR": str(settings.var_dir),
        "PYTHONUNBUFFERED": "1",
    }
    if settings.bootstrap_servers is None and settings.broker == "wheel":
        env["KAFKA_IDLE_PAUSE_MS"] = str(IDLE_PAUSE_MS)
    env.pop("GEOWITHHOLD_CLOCK_FILE", None)
    if settings.clock_file is not None:
        env["GEOWITHHOLD_CLOCK_FILE"] = str(settings.clock_file)
    return env


def _start_broker(stack: Stack) -> None:
    settings = stack.settings
    log_path = settings.log_dir / "broker.log"
    broker = BROKERS[settings.broker](settings.var_dir / _BROKER_DIRS[settings.broker], port=settings.kafka_port)
    broker.data_dir.mkdir(parents=True, exist_ok=True)
    broker.prepare()
    stack.supervisor.add(Service(name="broker", argv=broker.argv(), env=settings.environ, log_path=log_path, stopped_last=True))
    alive = lambda: stack.supervisor.deaths("broker") < _HOPELESS_AFTER_DEATHS  # noqa: E731 (read once, right here)
    wait_until_answering(settings.kafka_port, log_path, alive=alive, within=broker.START_WITHIN)


def _migrate(settings: StackSettings, name: str) -> None:
    log_path = settings.log_dir / f"{name}-migrate.log"
    with log_path.open("wb") as log:
        done = subprocess.run(
            _python(f"services.{name}", "migrate"),
            env=service_env(settings),
            cwd=ROOT,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=MIGRATED_WITHIN,
        )
    if done.returncode != 0:
        raise StackError(f"the database of {name} could not be migrated. {log_path} ends:\n{tail(log_path)}")


def _require_free_ports(settings: StackSettings) -> None:
    wanted = {_VARIABLE_OF[name]: port for name, port in settings.ports.items()}
    if settings.bootstrap_servers is None:
        wanted["KAFKA_PORT"] = settings.kafka_port
    if taken := {variable: port for variable, port in wanted.items() if not is_free(port)}:
        listed = ", ".join(f"{port} (set {variable} to another)" for variable, port in taken.items())
        raise StackError(f"already in use by another program: port {listed}")


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _sqlite(var_dir: Path, name: str) -> str:
    return f"sqlite:///{var_dir / name}.sqlite3"


def _port(environ: Mapping[str, str], variable: str, default: int) -> int:
    text = environ.get(variable) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= HIGHEST_PORT):
        raise StackError(f"{variable} is {text!r}, which is no port number")
    return int(text)


def _broker(environ: Mapping[str, str]) -> str:
    kind = environ.get("BROKER") or "wheel"
    if kind not in BROKERS:
        raise StackError(f"BROKER is {kind!r}, there are {', '.join(BROKERS)}")
    return kind


_BROKER_DIRS = {"wheel": "broker", "apache": "kafka"}

_VARIABLE_OF = {"blocklist": "BLOCKLIST_PORT", "relay": "BLOCKLIST_RELAY_PORT", "notifier": "NOTIFIER_PORT"}
