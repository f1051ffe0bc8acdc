"""One place for time: whoever reads the machine's clock instead says why."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src/clary"

_READS = re.compile(r"\btime\.time(_ns)?\(|datetime\.(now|utcnow)\(|\bdate\.today\(")

_BY_THE_MACHINE = {
    "clock.py": "what Clary's time is reckoned from",
    "backups.py": "when a copy was really made",
    "cli/audit.py": "the trail that it reads is by the machine's time",
    "cli/autopilot.py": "a name of a job, for whoever sits here",
    "cli/doctor.py": "files and certificates have the machine's time",
    "cli/project.py": "a name of a copy that is put aside, for whoever sits here",
    "engines/output.py": "a task's own stamps; jobs.task_logs gives them their place",
    "engines/supervision.py": "a task's own stamps",
    "engines/usage.py": "a task's own stamps; jobs.task_usage gives them their place",
    "gateway/certificates.py": "clients look at them by their own clocks",
    "gateway/tls.py": "clients look at it by their own clocks",
    "learning/runs.py": "how long ago a file was written",
    "store/audit_events.py": "when something was really done, and the trail is not cut by moving the clock",
    "store/records.py": "versions: unique, not times",
    "store/uploads.py": "ids: unique, not times",
}


def test_nobody_reads_the_machines_time_without_a_reason() -> None:
    """What runs inside a task (images, runtime) knows no other."""
    found = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if path.relative_to(SOURCE).parts[0] not in {"images", "runtime", "projects"}
        and _READS.search(path.read_text())
    }
    assert found == set(_BY_THE_MACHINE)
