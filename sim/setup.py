from setuptools import find_packages, setup

name = "sdm_sim"

setup(
    name=name,
    version="0.1.0",
    description="Simulated benchmark tasks behind one registry, and the bridge that puts them on the ROS graph.",
    license="Apache-2.0",
    packages=find_packages(include=[name, f"{name}.*"]),
    package_data={name: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{name}"]),
        (f"share/{name}", ["package.xml"]),
    ],
    python_requires=">=3.11",
    install_requires=[
        "sdm_core",
        "mujoco==3.3.0",
        "metaworld==3.1.1",
        "pymunk>=7",
        "zarr>=3",
        "scipy>=1.11",
        "hydra-core>=1.3",
        "rich",
        "imageio[ffmpeg]",
        "pillow>=10.1",
        "matplotlib",
    ],
    extras_require={
        "adroit": ["gymnasium-robotics==1.4.2"],
        # Not beside numpy 2 as long as robosuite names a package that refuses it, which `make robomimic` leaves out.
        "robomimic": ["robosuite==1.5.2", "h5py"],
        "dexhand": ["gymnasium-robotics==1.4.2"],
        "dexart": ["sapien==3.0.3"],
    },
    entry_points={
        "console_scripts": [
            "bridge_node = sdm_sim.bridge.bridge_node:main",
            "sdm-demos = sdm_sim.programs.demos:main",
            "sdm-demo = sdm_sim.programs.demo:main",
            "sdm-tasks = sdm_sim.programs.tasks:main",
        ],
    },
)
