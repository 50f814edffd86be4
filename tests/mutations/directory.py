"""Planted faults where the directory is kept in step: access that is kept, or given unasked."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

GATE: Final = "policies/directory/gate.py"
PEOPLE: Final = "policies/directory/people.py"
TARGETS: Final = "policies/directory/targets.py"
SYNC: Final = "policies/directory/sync.py"
RELEASES: Final = "policies/directory/releases.py"
WIDENING: Final = "policies/changes/widening.py"
RELEASES_TESTS: Final = "tests/policies/directory/test_releases.py"
GATE_TESTS: Final = "tests/policies/directory/test_gate.py"
TARGETS_TESTS: Final = "tests/policies/directory/test_targets.py"
SYNC_TESTS: Final = "tests/policies/directory/test_sync.py"

DIRECTORY: Final = [
    Mutation(
        "directory: gives in production what two people decide on", GATE,
        "if step.two and two_needed and not released]", "if step.two and not two_needed]",
        GATE_TESTS,
    ),
    Mutation(
        "directory: gives unasked", GATE,
        "    elif widening and not options.widen:", "    elif widening and options.hold:",
        GATE_TESTS,
    ),
    Mutation(
        "directory: any number of rows loses access", GATE,
        "        few = many <= MOST_GONE or", "        few = True or", GATE_TESTS,
    ),
    Mutation(
        "directory: a role that left is kept", PEOPLE,
        "        if mark.name in rows or mark.left:", "        if mark.name:",
        f"{SYNC_TESTS} -k roles-1",
    ),
    Mutation(
        "directory: the desk's suspension is lifted", TARGETS,
        "kept.left and kept.ended_at == tenant.suspended_at:", "True:",
        f"{TARGETS_TESTS} -k desk_stopped",
    ),
    Mutation(
        "directory: what was released for one list counts for another", RELEASES,
        "digest=digest_of(_changes(steps)), used_at=None", "used_at=None",
        f"{RELEASES_TESTS} -k another_list",
    ),
    Mutation(
        "directory: one operator releases alone", WIDENING,
        "    models.DirectoryRelease: _release,\n", "", f"{RELEASES_TESTS} -k by_hand",
    ),
    Mutation(
        "directory: no process is told to decide again", SYNC,
        '        cuts.hint("policy", subject=NAME)', "        pass",
        f"{SYNC_TESTS} -k told_to_decide",
    ),
]  # fmt: skip
