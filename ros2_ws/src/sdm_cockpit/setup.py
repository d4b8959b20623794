from setuptools import find_packages, setup

name = "sdm_cockpit"

setup(
    name=name,
    version="0.1.0",
    description="What a policy sees, plans and does, live or recorded, on a web page; videos and MCAP files of it.",
    license="Apache-2.0",
    packages=find_packages(include=[name, f"{name}.*"]),
    package_data={name: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{name}"]),
        (f"share/{name}", ["package.xml"]),
    ],
    python_requires=">=3.10",
    install_requires=[
        "sdm_core",
        "sdm_policy_node",
        "rosbags>=0.11",
        "scipy",
        "rich",
        "viser>=1.1,<2",
        "trimesh",
        "imageio[ffmpeg]",
        "pillow>=10.1",
    ],
    extras_require={
        "rerun": ["rerun-sdk>=0.41"],
    },
    entry_points={
        "console_scripts": [
            "cockpit_node = sdm_cockpit.cockpit_node:main",
            "sdm-mcap = sdm_cockpit.export.program:main",
            "sdm-replay = sdm_cockpit.replay.program:main",
            "sdm-rerun = sdm_cockpit.export.rerun_program:main",
            "sdm-video = sdm_cockpit.video.program:main",
        ],
    },
)
