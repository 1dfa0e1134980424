"""The log that a server hands over is whole and on the disk, or not there at all."""

import subprocess

import pytest

from tests.ha.restoring import Archive
from tests.harness.postgres import Postgres

SEGMENT = "000000010000000000000001"


@pytest.fixture
def archive(tmp_path) -> Archive:
    return Archive(tmp_path / "wal")


@pytest.fixture
def hand_over(archive, tmp_path):
    """Run ``archive_command`` for a file of the log, as PostgreSQL does; say whether it took it."""

    def run(content: bytes) -> bool:
        path = tmp_path / SEGMENT
        path.write_bytes(content)
        command = archive.command.replace("%p", str(path)).replace("%f", SEGMENT)
        return subprocess.run(["sh", "-c", command], check=False).returncode == 0

    return run


def test_what_an_interrupted_copy_left_behind_is_not_in_the_way(archive, hand_over):
    (archive.folder / f"{SEGMENT}.part").write_bytes(b"ha")

    assert hand_over(b"half and half")
    assert [(path.name, path.read_bytes()) for path in archive.folder.iterdir()] == [(SEGMENT, b"half and half")]


def test_a_file_that_is_there_already_is_taken_for_handed_over_if_it_is_the_same(hand_over):
    assert [hand_over(b"the log"), hand_over(b"the log")] == [True, True]


def test_a_file_that_is_there_already_is_never_overwritten(archive, hand_over):
    hand_over(b"the log")

    assert not hand_over(b"another one")
    assert (archive.folder / SEGMENT).read_bytes() == b"the log"


def test_a_server_goes_on_handing_over_its_log_after_a_copy_that_was_interrupted(server_directory):
    archive = Archive(server_directory / "archive")
    with Postgres(server_directory / "archived", archive.settings) as server:
        segment = server.ask("SELECT pg_walfile_name(pg_current_wal_lsn())")
        (archive.folder / f"{segment}.part").write_bytes(b"half")
        (archive.folder / f"{segment}.part").chmod(0o666)

        archive.hand_over(server)

        assert (archive.folder / segment).stat().st_size == int(
            server.ask("SHOW wal_segment_size").removesuffix("MB")
        ) << 20
        assert server.ask("SELECT failed_count FROM pg_stat_archiver") == 0
