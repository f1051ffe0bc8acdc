"""A tree of files with odd names, and how two trees are compared."""

from __future__ import annotations

import hashlib
from pathlib import Path

ODD = [
    "plain.txt",
    "with space.txt",
    " leading and trailing ",
    "plus+percent%20&amp;.csv",
    "hash#question?mark=1",
    "quotes'\"<>",
    "semi;colon,comma@at:colon",
    "umlaut-äöü-日本-😀",
    "combining-a\u0308",
    "back\\slash",
    "tab\tname",
    ".hidden/.more",
    "deep/er/and/deeper/file",
    "folder.with.dots/x",
    "~tilde/$dollar/!bang/(paren)/[bracket]/{brace}",
    "*star|pipe",
    "empty",
]


def make(root: Path) -> Path:
    """The tree: small files, an empty one, and one of 20 MiB that clients send in parts."""
    for name in ODD:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty" else name.encode() * 50)
    (root / "big.bin").write_bytes(b"".join(hashlib.sha256(bytes([n % 256])).digest() * 32_768 for n in range(20)))
    return root


def content(root: Path) -> dict[str, str]:
    """SHA-256 by name."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
