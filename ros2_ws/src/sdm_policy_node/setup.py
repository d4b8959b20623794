from setuptools import find_packages, setup

name = "sdm_policy_node"

setup(
    name=name,
    version="0.1.0",
    description="Policy, command and recorder nodes: depth or point cloud and joint states in, safe commands out.",
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
        "rosbags>=0.11",
        "scipy>=1.11",
    ],
    extras_require={
        "realsense": ["pyrealsense2"],
        "spacemouse": ["pyspacemouse>=2.1"],
        # The last series with hand-eye calibration. Not its headless twin: two packages would share the module cv2.
        "calibration": ["opencv-python>=4.8,<5", "matplotlib"],
        "fusion": ["open3d>=0.18"],
    },
    entry_points={
        "console_scripts": [
            "policy_node = sdm_policy_node.policy.policy_node:main",
            "command_node = sdm_policy_node.commands.command_node:main",
            "recorder_node = sdm_policy_node.recording.recorder_node:main",
            "realsense_node = sdm_policy_node.realsense.realsense_node:main",
            "sdm-teleop = sdm_policy_node.teleop.teleop_node:main",
            "sdm-calibrate = sdm_policy_node.calibration.program:main",
            "sdm-crop = sdm_policy_node.crop.program:main",
            "sdm-align = sdm_policy_node.fusion.program:main",
            "sdm-convert = sdm_policy_node.convert.program:main",
            "sdm-score = sdm_policy_node.score:main",
        ],
    },
)
