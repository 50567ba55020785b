"""One node of Apache Kafka: broker and controller in one process (KRaft), on loopback.

Promises: what it acknowledged is there after `stop` and `start`, and after `kill`, as far as Kafka
promises it; it keeps its port.
"""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.apache.jars import classpath, program
from tools.broker import HOST, Broker, BrokerError, free_port

FORMATTED_WITHIN = 60.0
CLUSTER_ID = "Z2Vvd2l0aGhvbGRfdGVzdA"
"""Any name will do, as long as all nodes of a cluster have the same: 16 bytes in base 64."""

_HEAP = ("-Xms96m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"

Voters = Mapping[int, int]
"""Each node's id, and the port of its controller."""


class ApacheKafka(Broker):
    """A node. `properties` come on top of ours; `advertised` is where clients are sent, for a proxy in between."""

    START_WITHIN = 60.0
    STOP_WITHIN = 30.0

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        log_path: Path | None = None,
        properties: Mapping[str, str] | None = None,
        advertised: int | None = None,
        node_id: int = 1,
        voters: Voters | None = None,
    ) -> None:
        super().__init__(data_dir, port=port, log_path=log_path)
        self._properties = dict(properties or {})
        self._advertised = advertised or self.port
        self._node_id = node_id
        self._voters = voters or {node_id: free_port()}

    def argv(self) -> list[str]:
        return [program("java"), *_HEAP, _QUIET, "-cp", classpath(), "kafka.Kafka", str(self._properties_file)]

    def prepare(self) -> None:
        """Writes the settings, and formats the data directory the first time."""
        settings = self._settings() | self._properties
        self._properties_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        if not (self.data_dir / "logs" / "meta.properties").exists():
            self._format()

    @property
    def _properties_file(self) -> Path:
        return self.data_dir / "server.properties"

    def _settings(self) -> dict[str, str]:
        copies = str(len(self._voters))
        enough = str(max(1, len(self._voters) - 1))
        controller = self._voters[self._node_id]
        return {
            "process.roles": "broker,controller",
            "node.id": str(self._node_id),
            "controller.quorum.voters": ",".join(f"{node}@{HOST}:{port}" for node, port in self._voters.items()),
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self._advertised}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.data_dir / "logs"),
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": enough,
            "transaction.state.log.num.partitions": "4",
            "group.initial.rebalance.delay.ms": "0",
            "log.cleaner.dedupe.buffer.size": "2097152",
            "num.network.threads": "2",
            "num.io.threads": "2",
        }

    def _format(self) -> None:
        command = ["format", "--cluster-id", CLUSTER_ID, "--config", str(self._properties_file)]
        done = subprocess.run(
            [program("java"), _QUIET, "-cp", classpath(), "kafka.tools.StorageTool", *command],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FORMATTED_WITHIN,
        )
        if done.returncode != 0:
            raise BrokerError(f"{self.data_dir} could not be formatted for Apache Kafka:\n{done.stdout}{done.stderr}")


@contextmanager
def running_apache(
    data_dir: Path, port: int = 0, log_path: Path | None = None, *, properties: Mapping[str, str] | None = None
) -> Iterator[ApacheKafka]:
    """A node that runs inside the `with` block and has stopped after it."""
    node = ApacheKafka(data_dir, port=port, log_path=log_path, properties=properties)
    node.start()
    try:
        yield node
    finally:
        node.stop()
