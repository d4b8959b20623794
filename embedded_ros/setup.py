import os
import sys
import sysconfig

from setuptools import Distribution, find_namespace_packages, setup

name = "embedded_ros"


class EditableDataDistribution(Distribution):
    """setuptools' editable installs ask this before they install data files; without it they leave them out."""

    def has_data(self) -> bool:
        return True


# The .pth file must lie in site-packages itself, which data files reach: they go below the environment's prefix.
site_packages = os.path.relpath(sysconfig.get_path("purelib"), sys.prefix)

setup(
    distclass=EditableDataDistribution,
    name=name,
    version="0.1.0",
    description="Runs rclpy nodes and ROS 2 launch files over DDS where no ROS 2 is installed.",
    license="Apache-2.0",
    # The stand-ins' folder is no package: only its entries are imported, under ROS's names.
    packages=find_namespace_packages(include=[name, f"{name}.*"]),
    package_data={name: ["interfaces/definitions/*/*/*", "interfaces/distributions/*/*/*/*"]},
    data_files=[(site_packages, ["embedded_ros.pth"])],
    python_requires=">=3.10",
    install_requires=["cyclonedds==11.0.*", "numpy>=1.26", "pyyaml", "rosbags>=0.11"],
    entry_points={"console_scripts": ["ros2-embedded = embedded_ros.cli.main:main"]},
)
