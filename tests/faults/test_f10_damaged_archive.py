"""F10: a flipped bit or a missing end of an archive is found, and keeps the rows behind it from being dropped."""

from pathlib import Path
from uuid import UUID

import pytest

from assets.retention.archive import ArchiveDamaged, read, verify
from assets.retention.drop import Engine
from tests.assets.retention.scene import MONTH, Run, rows_of
from warehouse.live import Live


def test_f10_every_flipped_bit_and_every_cut_is_found(
    run: Run, machine: Engine, live: Live, old: list[UUID], archive_file: Path
) -> None:
    run()
    sound = archive_file.read_bytes()
    known = verify(machine.vault, machine.master, archive_file)
    assert known.rows == 3
    for place in range(0, len(sound), max(1, len(sound) // 150)):
        damaged = bytearray(sound)
        damaged[place] ^= 1 << place % 8
        archive_file.write_bytes(damaged)
        with pytest.raises(ArchiveDamaged):
            verify(machine.vault, machine.master, archive_file, expected=known.sha256)
    for end in (0, 4, len(sound) // 2, len(sound) - 1):
        archive_file.write_bytes(sound[:end])
        with pytest.raises(ArchiveDamaged):
            verify(machine.vault, machine.master, archive_file)

    archive_file.write_bytes(sound[:-20] + bytes([sound[-20] ^ 1]) + sound[-19:])
    blocked = run(days=7)[MONTH]
    assert (blocked.state, blocked.reason[:8]) == ("blocked", "archive:")
    assert rows_of(live, MONTH) == 3
    archive_file.write_bytes(sound)
    assert run(days=7)[MONTH].state == "dropped"


def test_f10_a_flipped_bit_in_the_data_is_found_by_reading_alone(
    run: Run, machine: Engine, old: list[UUID], archive_file: Path
) -> None:
    run()
    sound = bytearray(archive_file.read_bytes())
    sound[len(sound) // 3] ^= 1
    archive_file.write_bytes(sound)
    with pytest.raises(ArchiveDamaged):
        list(read(machine.vault, machine.master, archive_file))


def test_f47_another_master_key_opens_nothing(run: Run, machine: Engine, old: list[UUID], archive_file: Path) -> None:
    run()
    with pytest.raises(ArchiveDamaged, match="another master key"):
        verify(machine.vault, b"\x01" * 32, archive_file)
