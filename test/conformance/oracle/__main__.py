"""The oracle with a CPython 3.14 of the system: python3.14 -B test/conformance/oracle [--facts | --version] <programs

SPDX-License-Identifier: BSL-1.0
"""

import sys

from batch import VERSION, Batch, version


def main(arguments: list[str]) -> int:
    if sys.version_info[:2] != VERSION:
        print(f"the reference is CPython {'.'.join(map(str, VERSION))}, this is {version()}", file=sys.stderr)
        return 1
    if arguments == ["--version"]:
        print(version())
        return 0
    if arguments not in ([], ["--facts"]):
        print(__doc__, file=sys.stderr)
        return 2
    batch = Batch(with_facts=bool(arguments))
    for line in sys.stdin:
        if line.strip():
            sys.stdout.write(batch.answer(line) + "\n")
            sys.stdout.flush()
    return 0


sys.exit(main(sys.argv[1:]))
