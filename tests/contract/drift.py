"""Reports to a maintainer what another version of the specification asks of the code.

Run it with `nox -s drift -- SPECIFICATION`. It exits with 1 if there is anything to do.
"""

from __future__ import annotations

import sys

from contract.differences import Difference, find_differences
from contract.parts import LEFT_OUT
from contract.specification import Specification, read_document

__all__ = ["main", "report"]

_HEADINGS = {
    "added": "The specification has, and the code has not",
    "changed": "Both have, and do not agree on",
    "removed": "The code has, and the specification has not",
}


def report(differences: list[Difference]) -> str:
    """The differences in words, without those that are meant."""
    lines: list[str] = []
    for kind, heading in _HEADINGS.items():
        found = [d.text for d in differences if d.kind == kind and d.text not in LEFT_OUT]
        if found:
            lines += [f"{heading} ({len(found)}):", *(f"  {text}" for text in found), ""]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Compare the code with the specification at a path."""
    if len(arguments) != 1:
        sys.stderr.write("Name one file: nox -s drift -- SPECIFICATION\n")
        return 2
    document = read_document(arguments[0])
    version = document["info"]["version"]
    text = report(find_differences(Specification(document)))
    sys.stdout.write(f"{text}\n" if text else f"The code is what version {version} specifies.\n")
    return 1 if text else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
