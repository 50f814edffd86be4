"""`python -m tests.mutations [word ...]`: a verdict for each fault whose name has the words."""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutations.faults import MUTATIONS
from tests.mutations.runner import Mutation, copy_tree, noticed

AT_ONCE = 2


def main(words: list[str]) -> int:
    wanted = [one for one in MUTATIONS if all(word in one.name for word in words)]
    trees = SimpleQueue[Path]()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(AT_ONCE):
            trees.put(copy_tree(Path(folder, str(number))))

        def judge(mutation: Mutation) -> bool:
            tree = trees.get()
            try:
                problem = noticed(tree, mutation)
            finally:
                trees.put(tree)
            print("SURVIVED" if problem else "red     ", mutation.name, problem, flush=True)
            return not problem

        with ThreadPoolExecutor(AT_ONCE) as pool:
            red = list(pool.map(judge, wanted))
    print(f"{sum(red)} of {len(red)} faults turn a test red")
    return 0 if all(red) and red else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
