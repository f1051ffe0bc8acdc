"""The list of what a job went through."""

from __future__ import annotations

from datetime import UTC, datetime

from clary.jobs import transitions

T0, T1, T2 = (datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC) for second in range(3))


def test_a_new_status_ends_the_one_before() -> None:
    first = [{"Status": "Starting", "StartTime": T0, "StatusMessage": "a"}]
    assert transitions.moved(first, "Training", "b", T1) == [
        {"Status": "Starting", "StartTime": T0, "StatusMessage": "a", "EndTime": T1},
        {"Status": "Training", "StartTime": T1, "StatusMessage": "b"},
    ]


def test_the_message_of_the_same_status_is_replaced_in_its_place() -> None:
    first = [{"Status": "Starting", "StartTime": T0, "StatusMessage": "a"}]
    assert transitions.moved(first, "Starting", "b", T1) == [
        {"Status": "Starting", "StartTime": T0, "StatusMessage": "b"}
    ]


def test_the_last_status_ends_as_it_begins() -> None:
    first = [{"Status": "Uploading", "StartTime": T0, "StatusMessage": "a"}]
    last = transitions.moved(first, "Completed", "done", T2, ended=True)[-1]
    assert last == {"Status": "Completed", "StartTime": T2, "StatusMessage": "done", "EndTime": T2}


def test_time_in_a_status_is_that_of_all_its_times() -> None:
    passed = [{"Status": "Training", "StartTime": T0.isoformat(), "StatusMessage": ""}]
    passed = transitions.moved(passed, "Interrupted", "", T1)
    passed = transitions.moved(passed, "Training", "", T1)
    assert transitions.spent(passed, {"Training"}, T2) == 2
    assert transitions.spent(passed, {"Interrupted"}, T2) == 0
