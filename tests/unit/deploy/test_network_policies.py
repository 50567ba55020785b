from collections.abc import Iterator

import pytest

from tests.unit.deploy.manifests import Manifest, Process, every, name_of, one, processes, selects, servers

DNS = {53}
POSTGRESQL = {5432}
WEBHOOKS = {443}
MAIL = {587}
PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}

each_process = pytest.mark.parametrize("process", [pytest.param(process, id=process.name) for process in processes()])


def policies(process: Process) -> list[Manifest]:
    return [policy["spec"] for policy in every("NetworkPolicy") if selects(policy["spec"]["podSelector"], process.labels)]


def egress(process: Process) -> Iterator[Manifest]:
    for policy in policies(process):
        yield from policy.get("egress", [])


def ingress(process: Process) -> Iterator[Manifest]:
    for policy in policies(process):
        yield from policy.get("ingress", [])


def ports(rules: Iterator[Manifest]) -> set[int | str]:
    return {port["port"] for rule in rules for port in rule["ports"]}


def kafka_port(process: Process) -> int:
    return int(process.settings["KAFKA_BOOTSTRAP_SERVERS"].rpartition(":")[2])


@each_process
def test_what_no_policy_allows_is_denied_both_ways(process: Process) -> None:
    closed = [policy for policy in policies(process) if "ingress" not in policy and "egress" not in policy]

    assert [policy["policyTypes"] for policy in closed] == [["Ingress", "Egress"]]


def test_pods_that_are_not_ours_are_left_alone() -> None:
    assert [name_of(policy) for policy in every("NetworkPolicy") if selects(policy["spec"]["podSelector"], {})] == []


@each_process
def test_a_process_reaches_what_it_needs_and_no_more(process: Process) -> None:
    needs = DNS | POSTGRESQL
    if process.role in {"relay", "run"}:
        needs |= {kafka_port(process)}
    if process.role == "run":
        needs |= {port.port for port in servers() if (port.package, port.role) == ("services.blocklist", "api")}
        needs |= WEBHOOKS | MAIL

    assert ports(egress(process)) == needs


def test_nobody_is_let_in_but_named_pods_and_only_to_the_port_that_is_served() -> None:
    for process in servers():
        rules = list(ingress(process))

        assert ports(iter(rules)) <= {process.port, "http"}, process.name
        assert all(peer.get("podSelector", {}).get("matchLabels") for rule in rules for peer in rule["from"]), process.name


def test_the_relay_lets_nobody_in_but_prometheus() -> None:
    (relay,) = (process for process in servers() if process.role == "relay")

    assert [peer["podSelector"]["matchLabels"] for rule in ingress(relay) for peer in rule["from"]] == [PROMETHEUS]


def test_subscribers_are_told_outside_of_the_cluster_and_of_no_network_of_ours() -> None:
    webhooks, _mail = one("NetworkPolicy", "notifier-to-subscribers")["spec"]["egress"]

    blocks = {peer["ipBlock"]["cidr"]: set(peer["ipBlock"]["except"]) for peer in webhooks["to"]}

    assert blocks.keys() == {"0.0.0.0/0", "::/0"}
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8"} <= blocks["0.0.0.0/0"]
    assert {"fc00::/7", "fe80::/10"} <= blocks["::/0"]
