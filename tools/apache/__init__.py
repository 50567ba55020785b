"""Apache Kafka itself on this machine: resolved by Maven, formatted, started, stopped, killed. For tests and the demo."""

from tools.apache.node import ApacheKafka, running_apache
from tools.apache.quorum import ApacheCluster, running_cluster

__all__ = ["ApacheCluster", "ApacheKafka", "running_apache", "running_cluster"]
