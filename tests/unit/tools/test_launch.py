"""The launcher of the fault suite: its faults fall where they are told to, and once."""

from pathlib import Path

import pytest

from shared.steps import Step
from tests.support.launch import Fault, injector, read_fault

THIRD = Fault(Step.COMMITTED, "kill", 3)


def test_a_fault_is_read_as_it_is_written() -> None:
    assert read_fault(str(THIRD)) == THIRD


@pytest.mark.parametrize("text", ["services.blocklist", "api", "database.committed=kill", "database.committed=sing@1"])
def test_what_is_no_fault_is_left_to_the_module(text: str) -> None:
    assert read_fault(text) is None


def test_a_step_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no_such_step"):
        read_fault("no_such_step=kill@1")


def test_a_fault_falls_at_its_own_step_alone_when_that_is_reached_so_often(tmp_path: Path) -> None:
    fallen: list[Fault] = []
    observer = injector([THIRD], None, fallen.append)

    for step in (Step.COMMITTED, Step.WORK_DONE, Step.COMMITTED, Step.WORK_DONE, Step.WORK_DONE):
        observer(step)
    early = list(fallen)
    observer(Step.COMMITTED)
    observer(Step.COMMITTED)

    assert (early, fallen) == ([], [THIRD])


def test_with_a_folder_a_fault_falls_once_over_all_starts_of_the_process(tmp_path: Path) -> None:
    fallen: list[Fault] = []
    for _start in range(2):
        observer = injector([THIRD], tmp_path, fallen.append)
        for _time in range(3):
            observer(Step.COMMITTED)

    assert (fallen, [file.name for file in tmp_path.iterdir()]) == ([THIRD], [str(THIRD)])
