"""A database goes into a file and comes out of it, on either kind of database, or it is told why not."""

import gzip
import io
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.blocklist.app import PACKAGE
from services.blocklist.tables import metadata
from shared.backup import Archive, NotBackedUp, NotRestorable, Occupied, Place, back_up, restoring
from shared.backup.manifest import Manifest, TableEntry
from shared.backup.rows import line_of
from shared.db import Database, exclusive, sqlite_file
from shared.migrations import migrate
from tests.support.blocklist import Api, Rows, all_rows, migrated, running_api
from tests.support.builders import later_json, order_json, tco_json

APPROVED = {"memo": "A journalist", "approvers": ["asha", "bo"]}


async def fill(api: Api) -> None:
    """Rows in most tables, with history, texts beyond ASCII, and directives that refer to directives."""
    first = await api.submit(order_json("@acct_1", "@acct_2", "＃Farmers"))
    old = await api.submit(tco_json("@acct_1", reason="über"))
    await api.submit(tco_json("@acct_3", reference="newer", supersedes=old["id"], supplements=old["id"]))
    await api.post("/v1/directives", later_json("@acct_2"), 201, key="kept")
    release = {"cause": "platform_decision", "directive": first["id"], "targets": ["@acct_1"], "jurisdictions": ["IN"]}
    await api.post("/v1/releases", {**release, **APPROVED})
    notice = {"kind": "non_compliance", "issued_at": "2021-02-01T00:00:00Z", "received_at": "2021-02-01T01:00:00Z"}
    await api.post(f"/v1/directives/{first['id']}/notices", {**notice, "provision": "s.69A(3)", "text": "…"}, 201)


async def rows_of(url: str) -> Rows:
    database = Database(url)
    try:
        return await database.read(all_rows)
    finally:
        await database.close()


async def filled(url: str) -> Rows:
    async with running_api(url) as api:
        await fill(api)
    return await rows_of(url)


async def restore_into(url: str, file: Path, *, replace: bool = False) -> None:
    place = Place(url=url, package=PACKAGE, metadata=metadata, replace=replace)
    async with restoring(place, Archive.verified(file)):
        pass


@pytest.mark.parametrize("source", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_what_comes_out_is_what_went_in_whatever_the_database(
    source: str, database_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    from_url = f"sqlite:///{tmp_path / 'source.sqlite3'}" if source == "sqlite" else request.getfixturevalue("other_postgres")
    before = await filled(from_url)

    manifest = await back_up(from_url, PACKAGE, metadata, tmp_path / "backup")
    await restore_into(database_url, tmp_path / "backup")

    assert await rows_of(database_url) == before
    assert {table.name: table.rows for table in manifest.tables} == {name: len(rows) for name, rows in before.items()}
    assert len(before["directives"]) == 4


async def test_a_restored_database_goes_on_counting_where_the_old_one_was(database_url: str, tmp_path: Path) -> None:
    async with running_api(database_url) as api:
        await api.submit(order_json())
        await api.database.write(_forget_outbox)
        await back_up(database_url, PACKAGE, metadata, tmp_path / "backup")
        highest = (await api.rows())["directives"][-1]["seq"]

    await restore_into(database_url, tmp_path / "backup", replace=True)

    async with running_api(database_url) as api:
        await api.submit(order_json("@acct_2", reference="next"))
        rows = await api.rows()
    assert [row["seq"] for row in rows["directives"]] == [highest, highest + 1]
    assert min(row["id"] for row in rows["outbox"]) == 4, "numbers of rows that are gone are not given out again"


async def _forget_outbox(connection: Any) -> None:
    await connection.execute(metadata.tables["outbox"].delete())


async def test_a_backup_is_as_of_one_moment_and_holds_nobody_up(database_url: str, tmp_path: Path) -> None:
    async with running_api(database_url) as api:
        first = await api.submit(order_json())
        await back_up(database_url, PACKAGE, metadata, tmp_path / "backup")
        await api.submit(order_json("@acct_2", reference="next"))

    await restore_into(database_url, tmp_path / "backup", replace=True)

    rows = await rows_of(database_url)
    assert [row["id"] for row in rows["directives"]] == [first["id"]]
    assert [row["target"] for row in rows["withholdings"]] == ["account:acct_1"]


async def test_a_backup_of_an_earlier_schema_is_brought_to_the_newest(database_url: str, tmp_path: Path) -> None:
    before = await filled(database_url)
    manifest = await back_up(database_url, PACKAGE, metadata, tmp_path / "backup")
    older = as_of_0008(tmp_path / "backup", tmp_path / "older")

    await restore_into(database_url, older, replace=True)

    after = await rows_of(database_url)
    assert manifest.revision > "0008"
    assert after["withholdings"] == before["withholdings"]
    assert after["items"] == before["items"]
    assert [row["sequence"] for row in after["outbox"]] == [None] * len(before["outbox"])


async def test_no_backup_is_made_over_another_file(sqlite_database: str, tmp_path: Path) -> None:
    await migrate(sqlite_database, PACKAGE)
    (tmp_path / "backup").write_text("mine")

    with pytest.raises(NotBackedUp, match="exists already"):
        await back_up(sqlite_database, PACKAGE, metadata, tmp_path / "backup")

    assert (tmp_path / "backup").read_text() == "mine"


async def test_a_database_that_is_not_migrated_is_not_backed_up(database_url: str, tmp_path: Path) -> None:
    touch(database_url)

    with pytest.raises(NotBackedUp, match="run migrate"):
        await back_up(database_url, PACKAGE, metadata, tmp_path / "backup")

    assert left_in(tmp_path) <= {"test.sqlite3"}


def left_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def touch(url: str) -> None:
    file = sqlite_file(url)
    if file:
        file.touch()


async def test_a_sqlite_database_that_is_not_there_is_not_backed_up(sqlite_database: str, tmp_path: Path) -> None:
    with pytest.raises(NotBackedUp, match="there is no database"):
        await back_up(sqlite_database, PACKAGE, metadata, tmp_path / "backup")


async def test_a_database_with_rows_is_replaced_only_on_demand(database_url: str, tmp_path: Path) -> None:
    before = await filled(database_url)
    await back_up(database_url, PACKAGE, metadata, tmp_path / "backup")

    with pytest.raises(Occupied, match=r"there are rows in \w+: say --replace"):
        await restore_into(database_url, tmp_path / "backup")

    assert await rows_of(database_url) == before


async def test_what_is_replaced_on_sqlite_is_kept_beside(sqlite_database: str, tmp_path: Path) -> None:
    async with running_api(sqlite_database) as api:
        await api.submit(order_json())
        await back_up(sqlite_database, PACKAGE, metadata, tmp_path / "backup")
        await api.submit(order_json("@acct_2", reference="next"))
    newest = await rows_of(sqlite_database)

    await restore_into(sqlite_database, tmp_path / "backup", replace=True)

    assert await rows_of(f"{sqlite_database}.replaced") == newest


async def test_a_database_in_use_is_not_replaced(database_url: str, tmp_path: Path) -> None:
    before = await filled(database_url)
    await back_up(database_url, PACKAGE, metadata, tmp_path / "backup")

    with exclusive(database_url):
        async with migrated(database_url) as database:
            await database.read(all_rows)
            with pytest.raises(Occupied, match="stop the service"):
                await restore_into(database_url, tmp_path / "backup", replace=True)

    assert await rows_of(database_url) == before


async def test_nothing_is_half_restored(database_url: str, tmp_path: Path) -> None:
    before = await filled(database_url)
    await back_up(database_url, PACKAGE, metadata, tmp_path / "backup")
    place = Place(url=database_url, package=PACKAGE, metadata=metadata, replace=True)

    async def fail() -> None:
        async with restoring(place, Archive.verified(tmp_path / "backup")) as connection:
            await _forget_outbox(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await rows_of(database_url) == before


@pytest.fixture
async def whole(sqlite_database: str, tmp_path: Path) -> Path:
    await filled(sqlite_database)
    await back_up(sqlite_database, PACKAGE, metadata, tmp_path / "whole")
    return tmp_path / "whole"


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95])
def test_a_file_that_breaks_off_is_refused_and_the_place_named(whole: Path, part: float) -> None:
    content = whole.read_bytes()
    end = len(content.rstrip(b"\0"))
    whole.write_bytes(content[: int(end * part)])

    with pytest.raises(NotRestorable, match=r"breaks off|damaged"):
        Archive.verified(whole)


def test_a_changed_row_is_refused_naming_its_table(whole: Path, tmp_path: Path) -> None:
    changed = rewritten(whole, tmp_path / "changed", replace={"directives": (b'"in_force"', b'"rejected"')})

    with pytest.raises(NotRestorable, match="table directives is not what the manifest says"):
        Archive.verified(changed)


def test_a_table_that_was_taken_out_is_missed(whole: Path, tmp_path: Path) -> None:
    changed = rewritten(whole, tmp_path / "changed", drop={"appeals"})

    with pytest.raises(NotRestorable, match="table appeals is not what the manifest says"):
        Archive.verified(changed)


@pytest.mark.parametrize("content", [b"", b"not a tar", bytes(10240)])
def test_what_is_no_backup_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)

    with pytest.raises(NotRestorable):
        Archive.verified(tmp_path / "file")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"service": "notifier"}, "a backup of notifier"),
        ({"revision": "9999"}, "schema '9999', which this release does not know"),
        ({"format": 2}, "has format 2"),
    ],
)
async def test_a_backup_of_something_else_is_refused(
    whole: Path, changes: dict[str, Any], reason: str, sqlite_database: str, tmp_path: Path
) -> None:
    other = rewritten(whole, tmp_path / "other", **changes)

    with pytest.raises(NotRestorable, match=reason):
        await restore_into(sqlite_database, other, replace=True)


def test_a_backup_is_for_its_owner_alone(whole: Path) -> None:
    assert whole.stat().st_mode & 0o777 == 0o600


Member = tuple[str, bytes]


def members(file: Path) -> list[Member]:
    with tarfile.open(file) as tar:
        return [(member.name, content.read()) for member in tar if (content := tar.extractfile(member))]


def write(file: Path, content: list[Member]) -> Path:
    with tarfile.open(file, "w") as tar:
        for name, raw in content:
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
    return file


def rewritten(
    file: Path,
    other: Path,
    *,
    replace: dict[str, tuple[bytes, bytes]] | None = None,
    drop: frozenset[str] | set[str] = frozenset(),
    **manifest_changes: Any,
) -> Path:
    """The same backup with other content: rows changed, tables dropped, or something else in the manifest."""
    content: list[Member] = []
    for name, raw in members(file):
        table = name.removesuffix(".jsonl.gz")
        if replace and table in replace:
            content.append((name, gzip.compress(gzip.decompress(raw).replace(*replace[table]))))
        elif name == "manifest.json":
            manifest = msgspec.json.decode(raw, type=Manifest)
            content.append((name, msgspec.json.encode(msgspec.structs.replace(manifest, **manifest_changes))))
        elif table not in drop:
            content.append((name, raw))
    return write(other, content)


def as_of_0008(file: Path, other: Path) -> Path:
    """The backup as a release would have made it that knew nothing of what came with schema 0009."""
    found = dict(members(file))
    manifest = msgspec.json.decode(found.pop("manifest.json"), type=Manifest)
    kept = [table for table in manifest.tables if table.name not in {"system", "relay_lanes", "relay_members"}]
    tables: list[TableEntry] = []
    content: list[Member] = []
    for table in kept:
        raw = gzip.decompress(found[f"{table.name}.jsonl.gz"])
        columns = table.columns
        if table.name == "outbox":
            columns = tuple(column for column in columns if column.name not in {"sequence", "kafka_offset"})
            raw = b"".join(line_of(msgspec.json.decode(line)[: len(columns)]) for line in raw.splitlines())
        tables.append(msgspec.structs.replace(table, columns=columns, sha256=sha256(raw).hexdigest()))
        content.append((f"{table.name}.jsonl.gz", gzip.compress(raw)))
    changed = msgspec.structs.replace(manifest, revision="0008", tables=tuple(tables))
    return write(other, [*content, ("manifest.json", msgspec.json.encode(changed))])
