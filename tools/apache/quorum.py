"""Several nodes of Apache Kafka, each broker and controller, with as many copies of everything as there are nodes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.apache.node import ApacheKafka
from tools.broker import free_port

NODES = 3


class ApacheCluster:
    """The nodes can be stopped, killed and started one by one."""

    def __init__(self, data_dir: Path, *, nodes: int = NODES, properties: Mapping[str, str] | None = None) -> None:
        voters = {node: free_port() for node in range(1, nodes + 1)}
        enough = {"min.insync.replicas": str(max(1, nodes - 1))} | dict(properties or {})
        self.nodes = tuple(
            ApacheKafka(data_dir / f"node{node}", node_id=node, voters=voters, properties=enough) for node in voters
        )

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes)

    def start(self) -> None:
        """Starts all nodes at once, since none is ready before most of them are there."""
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_until_ready()

    def stop(self) -> None:
        """Asks all nodes to end at once; the last ones may find no quorum to leave, and are killed."""
        for node in self.nodes:
            node.terminate()
        for node in self.nodes:
            node.stop()


@contextmanager
def running_cluster(
    data_dir: Path, *, nodes: int = NODES, properties: Mapping[str, str] | None = None
) -> Iterator[ApacheCluster]:
    """A cluster that runs inside the `with` block and has stopped after it."""
    cluster = ApacheCluster(data_dir, nodes=nodes, properties=properties)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
