"""Makes the files of this folder with MXNet: classes.*, split_*.lst and boxes.* by its im2rec, tricky.* by its recordio.

python3.11 -m venv mx && mx/bin/pip install mxnet==1.9.1 numpy==1.23.5 opencv-python-headless==4.7.0.72
mx/bin/python tests/golden/image_records/make.py [FOLDER]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import contents
import mxnet
from mxnet import recordio

IM2REC = Path(mxnet.__file__).parent / "tools/im2rec.py"


def im2rec(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, str(IM2REC), *map(str, arguments)], check=True)


def tricky(folder: Path) -> None:
    writer = recordio.MXIndexedRecordIO(str(folder / "tricky.idx"), str(folder / "tricky.rec"), "w")
    for number, (label, data) in contents.TRICKY.items():
        writer.write_idx(number, recordio.pack(recordio.IRHeader(0, label, number, 0), data))
    writer.close()


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for path, shade in contents.PICTURES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(contents.png(shade))
        im2rec(folder / "classes", root, "--list", "--recursive", "--no-shuffle")
        im2rec(folder / "split", root, "--list", "--recursive", "--train-ratio", "0.5", "--test-ratio", "0.25")
        lines = [[i, *floats, path] for i, (path, floats) in enumerate(contents.BOXES.items())]
        (folder / "boxes.lst").write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
        im2rec(folder / "classes", root, "--pass-through")
        im2rec(folder / "boxes", root, "--pass-through", "--pack-label")
    tricky(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if sys.argv[1:] else Path(__file__).parent.resolve())
