"""Release artefacts: an archive for each policy, equal for equal files, and the sums to check them by."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from sdm_core.atomic import atomic_write

from sdm_training.zoo.model_line import FILES
from sdm_training.zoo.scan import Model

SUMS = "SHA256SUMS"


def release(models: Iterable[Model], out: Path) -> list[Path]:
    """Writes `<name>.tar.gz` for each model, and SHA256SUMS for `sha256sum --check`."""
    sums, written = [], []
    for model in models:
        data = archive(model)
        file = out / f"{model.name}.tar.gz"
        atomic_write(file, data)
        written.append(file)
        sums.append(f"{hashlib.sha256(data).hexdigest()}  {file.name}\n")
    atomic_write(out / SUMS, "".join(sums).encode())
    return written


def archive(model: Model) -> bytes:
    """A .tar.gz of the folder `<name>`; no time, owner or order of the disk enters it."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as packed,
    ):
        for name in FILES:
            data = (model.path / name).read_bytes()
            entry = tarfile.TarInfo(f"{model.name}/{name}")
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
