"""`python -m tests.faults.product`: the product of faults, watchers and producers, with its table.

python -m tests.faults.product --sample                    as CI: each fault once, all watchers
python -m tests.faults.product --seeds 3                   everything, three seeds
python -m tests.faults.product --only fault=del+rdb,watcher=poll --seeds 5
python -m tests.faults.product --minutes 120 -n 2 --json plays.json
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys

from tests.faults import plan


def main(arguments: list[str] | None = None) -> int:
    """Plays under pytest, which starts and ends the processes; its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.product", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=1, help="play the whole product this often")
    parser.add_argument("--seed", type=int, help="the first seed; random unless given")
    parser.add_argument("--sample", action="store_true", help="each fault once with any producers")
    parser.add_argument("--minutes", type=float, help="random samples for about this long")
    parser.add_argument("--only", default="", help="fault=a+b,watcher=c,producer=d")
    parser.add_argument("--json", default="", help="write every verdict to this file")
    parser.add_argument("-n", dest="processes", default="0", help="plays at a time (pytest-xdist)")
    options = parser.parse_args(arguments)
    try:
        plan.chosen(options.only)
    except ValueError as error:
        parser.error(str(error))
    os.environ["FAULTS_ONLY"] = options.only
    os.environ["FAULTS_JSON"] = options.json
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    os.environ["FAULTS_SEED"] = str(seed)
    os.environ["FAULTS_LONG"] = str(options.minutes or "")
    os.environ["FAULTS_SEEDS"] = "" if options.sample or options.minutes else str(options.seeds)
    command = [
        sys.executable, "-m", "pytest", "tests/faults/test_product.py", "-q", "--tb=line", "-rN",
        "-n", options.processes, "-p", "no:cacheprovider",
    ]  # fmt: skip
    with subprocess.Popen(command) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:  # pytest was interrupted as well: it still prints the table
            return process.wait()


if __name__ == "__main__":
    sys.exit(main())
