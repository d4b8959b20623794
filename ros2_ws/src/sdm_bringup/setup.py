from pathlib import Path

from setuptools import setup

name = "sdm_bringup"


def tree(folder):
    """(target folder, files) pairs of everything below `folder`, which links to the repository's root."""
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"share/{name}/{path.parent}", [str(path)]


setup(
    name=name,
    version="0.1.0",
    description="Launch files, parameter files and shipped models, as one installable package.",
    license="Apache-2.0",
    packages=[],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{name}"]),
        (f"share/{name}", ["package.xml"]),
        *(entry for folder in ("launch", "config", "models") for entry in tree(folder)),
    ],
)
