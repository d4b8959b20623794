"""Where the mesh behind a URI lies on this machine."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlparse

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory


def mesh_file(uri: str) -> Path:
    """The file of a `file://…`, `package://<package>/…` or plain path. Raises FileNotFoundError where it is missing."""
    parts = urlparse(uri)
    if parts.scheme == "package":
        try:
            path = Path(get_package_share_directory(parts.netloc), unquote(parts.path).lstrip("/"))
        except (PackageNotFoundError, ValueError):
            raise FileNotFoundError(f"the package of {uri} is not there; install {parts.netloc}") from None
    elif parts.scheme in ("", "file"):
        path = Path(unquote(parts.path))
    else:
        raise FileNotFoundError(f"{uri} cannot be opened; name a file:// or package:// mesh")
    if not path.is_file():
        raise FileNotFoundError(f"no mesh file {path}")
    return path
