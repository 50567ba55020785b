import re

import kubernetes_validate
import pytest

from tests.unit.deploy.manifests import Manifest, Process, every, name_of, processes, rendered, selects, servers, texts

KUBERNETES = "1.37"
PRIVILEGED = ("hostNetwork", "hostPID", "hostIPC")
STORABLE = {"configMap", "emptyDir", "projected", "secret"}

each_process = pytest.mark.parametrize("process", [pytest.param(process, id=process.name) for process in processes()])
each_server = pytest.mark.parametrize("process", [pytest.param(process, id=process.name) for process in servers()])


@pytest.mark.parametrize("manifest", [pytest.param(manifest, id=name_of(manifest)) for manifest in rendered()])
def test_every_object_is_valid(manifest: Manifest) -> None:
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_the_schemas_refuse_a_misspelt_field() -> None:
    (manifest, *_) = every("Deployment")
    broken = manifest | {"spec": manifest["spec"] | {"replica": 2}}

    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(broken, KUBERNETES, strict=True)


def test_no_object_says_in_which_namespace_it_lives() -> None:
    assert [name_of(manifest) for manifest in rendered() if "namespace" in manifest["metadata"]] == []


@each_process
def test_pods_keep_to_the_restricted_pod_security_standard(process: Process) -> None:
    pod = process.pod["securityContext"]
    container = process.container["securityContext"]

    assert pod["runAsNonRoot"] is True
    assert pod["runAsUser"] > 0
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["allowPrivilegeEscalation"] is False
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert container["readOnlyRootFilesystem"] is True
    assert "privileged" not in container
    assert not any(process.pod.get(field) for field in PRIVILEGED)
    assert {kind for volume in process.pod["volumes"] for kind in volume if kind != "name"} <= STORABLE


@each_process
def test_no_pod_gets_a_token_for_the_kubernetes_api(process: Process) -> None:
    accounts = {account["metadata"]["name"]: account for account in every("ServiceAccount")}

    assert process.pod["automountServiceAccountToken"] is False
    assert accounts[process.pod["serviceAccountName"]]["automountServiceAccountToken"] is False


@each_process
def test_no_service_link_can_stand_where_a_setting_is_read(process: Process) -> None:
    assert process.pod["enableServiceLinks"] is False


@each_process
def test_resources_are_asked_for_and_limited(process: Process) -> None:
    resources = process.container["resources"]

    assert resources["requests"].keys() == resources["limits"].keys() == {"cpu", "memory"}


def test_no_object_holds_a_secret() -> None:
    assert every("Secret") == []
    assert [text for manifest in rendered() for text in texts(manifest) if re.search(r"://[^/@\s]*:[^/@\s]*@", text)] == []


@each_process
def test_a_database_url_comes_from_the_secret_and_only_to_its_own_service(process: Process) -> None:
    url = {"services.blocklist": "BLOCKLIST_DATABASE_URL", "services.notifier": "NOTIFIER_DATABASE_URL"}[process.package]

    assert process.secrets == {url: {"name": "geowithhold-databases", "key": url}}
    assert not any(name.endswith("_DATABASE_URL") for name in process.settings)


def test_the_pods_of_a_deployment_spread_and_may_be_moved_one_at_a_time() -> None:
    for process in servers():
        budgets = [
            budget["spec"] for budget in every("PodDisruptionBudget") if selects(budget["spec"]["selector"], process.labels)
        ]

        assert [budget["maxUnavailable"] for budget in budgets] == [1], process.name
        for constraint in process.pod["topologySpreadConstraints"]:
            assert selects(constraint["labelSelector"], process.labels), process.name


def test_each_selector_means_one_deployment() -> None:
    selectors = [manifest["spec"]["selector"] for manifest in every("Deployment")]
    selectors += [{"matchLabels": manifest["spec"]["selector"]} for manifest in every("Service")]

    for selector in selectors:
        assert len([process for process in processes() if selects(selector, process.labels)]) == 1, selector


def test_two_relays_share_the_lanes() -> None:
    (replicas,) = (process.workload["spec"]["replicas"] for process in servers() if process.role == "relay")

    assert replicas == 2


def test_two_notifiers_never_run_at_once() -> None:
    (spec,) = (process.workload["spec"] for process in servers() if process.package == "services.notifier")

    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_two_migrations_of_a_database_never_run_at_once() -> None:
    for job in every("Job"):
        assert job["spec"]["podReplacementPolicy"] == "Failed"
        assert job["spec"].get("parallelism", 1) == 1
        assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
