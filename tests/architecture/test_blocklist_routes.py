"""The contract's routes are all there; those whose feature does not exist yet answer 501, never 404."""

from collections.abc import Iterator

from services.blocklist.app import create_api
from tests.support.blocklist import make_settings

CONTRACT = {
    ("POST", "/v1/directives"),
    ("POST", "/v1/directives/import"),
    ("GET", "/v1/imports/{import_id}"),
    ("GET", "/v1/imports/{import_id}/events"),
    ("GET", "/v1/imports/{import_id}/errors"),
    ("GET", "/v1/directives"),
    ("GET", "/v1/directives/{directive_id}"),
    ("GET", "/v1/directives/{directive_id}/items"),
    ("GET", "/v1/directives/{directive_id}/timeline"),
    *(
        ("POST", f"/v1/directives/{{directive_id}}/{act}")
        for act in ("decisions", "notices", "replies", "rescind", "supersede", "confirm", "stay", "unstay", "quash")
    ),
    *(("POST", f"/v1/directives/{{directive_id}}/{verdict}") for verdict in ("accept", "reject")),
    *(("GET", f"/v1/directives/{{directive_id}}/exports/{form}") for form in ("lumen", "dsa")),
    ("GET", "/v1/user-notices"),
    ("GET", "/v1/user-notices/{notice_id}"),
    ("POST", "/v1/user-notices/{notice_id}/sent"),
    ("POST", "/v1/user-notices/{notice_id}/waive"),
    ("POST", "/v1/appeals"),
    ("GET", "/v1/appeals"),
    ("GET", "/v1/appeals/{appeal_id}"),
    ("POST", "/v1/appeals/{appeal_id}/outcome"),
    ("GET", "/v1/legal-bases"),
    ("GET", "/v1/authorities"),
    ("POST", "/v1/releases"),
    ("GET", "/v1/batches"),
    ("GET", "/v1/batches/{batch_id}"),
    ("POST", "/v1/batches/{batch_id}/undo"),
    ("GET", "/v1/events"),
    ("POST", "/v1/admin/replays"),
    ("GET", "/v1/admin/replays"),
    ("GET", "/v1/admin/replays/{replay_id}"),
    ("GET", "/v1/publishing"),
    ("GET", "/v1/publishing/stops"),
    ("POST", "/v1/publishing/stop"),
    ("POST", "/v1/publishing/resume"),
    ("GET", "/v1/withholdings"),
    ("POST", "/v1/withholdings/check"),
    ("GET", "/v1/withholdings/{target}"),
    ("GET", "/v1/withholdings/{target}/history"),
}


def documented(sqlite_database: str) -> Iterator[tuple[str, str]]:
    for path, methods in create_api(make_settings(sqlite_database)).openapi()["paths"].items():
        for method in methods:
            yield method.upper(), path


def test_the_service_has_the_routes_of_the_contract_and_no_others(sqlite_database: str) -> None:
    assert set(documented(sqlite_database)) == CONTRACT
