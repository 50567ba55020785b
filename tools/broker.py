"""The Kafka-protocol broker that comes in a wheel: started and stopped here for `make run`, the demo and the tests.

What it promises: `start` returns only once the broker answers the Kafka protocol, and fails with the end of the broker's
log otherwise; `stop` lets the broker write its data out. What it does not promise: durability. The broker writes its data
every second or two, so `kill` may lose the last seconds; what must survive that is tested on Apache Kafka.
"""

import importlib.util
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HOST = "127.0.0.1"
IDLE_PAUSE_MS = 20
"""How long its consumers should pause when there is nothing to read: it answers an empty fetch at once, where Kafka waits."""

_API_VERSIONS = 18
_CORRELATION_ID = 1


class BrokerError(Exception):
    """The broker cannot be started, or does not answer."""


def broker_argv(data_dir: Path, port: int) -> list[str]:
    """The command line that runs the broker in the foreground. Raises BrokerError when its package is not installed."""
    spec = importlib.util.find_spec("noida_db")
    if spec is None or spec.origin is None:
        raise BrokerError("the package noida-db is not installed in this environment: run `make install`")
    binary = Path(spec.origin).parent / "noida-db"
    return [str(binary), "start", "--only", "kafka", "--kafka-port", str(port), "--data-dir", str(data_dir)]


def free_port() -> int:
    """A TCP port that nobody listens on now. Nothing reserves it: use it soon."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, to put into an error; a word instead when there are none."""
    text = path.read_text(errors="replace") if path.exists() else ""
    return "\n".join(text.splitlines()[-lines:]) or "(its log is empty)"


def answers_kafka(port: int) -> bool:
    """Whether something on this port answers an ApiVersions request, the first thing every Kafka client sends."""
    request = struct.pack(">hhih", _API_VERSIONS, 0, _CORRELATION_ID, -1)
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            return connection.recv(8, socket.MSG_WAITALL)[4:] == struct.pack(">i", _CORRELATION_ID)
    except OSError:
        return False


def wait_until_answering(port: int, log_path: Path, *, alive: Callable[[], bool], within: float) -> None:
    """Returns once the broker answers; raises BrokerError with the end of its log when it dies or is too late."""
    deadline = time.monotonic() + within
    while not answers_kafka(port):
        if not alive():
            raise BrokerError(f"the broker died at its start on port {port}. Its log ends:\n{tail(log_path)}")
        if time.monotonic() > deadline:
            raise BrokerError(f"no broker answers on port {port} within {within:g} s. Its log ends:\n{tail(log_path)}")
        time.sleep(0.02)


class Broker:
    """One broker process with its own data directory. It keeps its port over restarts; 0 picks a free one at creation.

    Other kinds of broker say with `argv` and `prepare` how they are run; everything else is the same for all.
    """

    START_WITHIN = 20.0
    STOP_WITHIN = 10.0

    def __init__(self, data_dir: Path, *, port: int = 0, log_path: Path | None = None) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.log_path = log_path or data_dir / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The id of the process, or None while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def argv(self) -> list[str]:
        """The command line that runs it in the foreground."""
        return broker_argv(self.data_dir, self.port)

    def prepare(self) -> None:
        """Whatever has to be there before it can run; its directories are."""

    def start(self) -> None:
        """Starts the broker and returns once it answers; does nothing when it runs already."""
        if self.pid is None:
            self.launch()
            self.wait_until_ready()

    def launch(self) -> None:
        """Starts the process and does not wait for it. Raises BrokerError if its port is taken."""
        if not is_free(self.port):
            raise BrokerError(f"port {self.port} is taken by another program, the broker cannot start there")
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self.prepare()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def wait_until_ready(self) -> None:
        """Returns once it answers. Raises BrokerError, and ends it, when it dies or is too late."""
        try:
            wait_until_answering(self.port, self.log_path, alive=lambda: self.pid is not None, within=self.START_WITHIN)
        except BaseException:
            self.kill()
            raise

    def terminate(self) -> None:
        """Asks the broker to end, and does not wait for it."""
        if self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """Asks the broker to end and waits for it, so that its data is on disk; kills it when it takes too long."""
        if self._process is None:
            return
        self.terminate()
        try:
            self._process.wait(self.STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Ends the broker at once, as a crash would. `start` brings it back on the same port and data."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def running_broker(data_dir: Path, port: int = 0, log_path: Path | None = None) -> Iterator[Broker]:
    """A broker that runs inside the `with` block and has stopped after it."""
    broker = Broker(data_dir, port=port, log_path=log_path)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
