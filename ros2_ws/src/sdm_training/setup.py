from setuptools import find_packages, setup

name = "sdm_training"

setup(
    name=name,
    version="0.1.0",
    description="Diffusion teachers, distillation into one-step students, evaluation and export.",
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
        "sdm_sim",
        "torch>=2.6",
        "hydra-core>=1.3",
        "safetensors",
        "onnx>=1.17",
        "tensorboard",
        "rich",
    ],
    extras_require={
        "test": [
            "sdm_core[lerobot]",
            "sdm_sim[adroit,dexart]",
            "sdm_policy_node[calibration,realsense]",
            "diffusers",
            "hypothesis",
            "mcap-ros2-support",
            "playwright",
            "pyright",
            "pytest",
            "pytest-xdist",
            "ruff",
        ],
        "ray": ["ray>=2.40"],
        "slurm": ["submitit>=1.5"],
    },
    entry_points={
        "console_scripts": [
            "sdm-train = sdm_training.programs.train:main",
            "sdm-distill = sdm_training.programs.distill:main",
            "sdm-evaluate = sdm_training.programs.evaluate:main",
            "sdm-export = sdm_training.programs.export:main",
            "sdm-import-dp3 = sdm_training.programs.import_dp3:main",
            "sdm-parameters = sdm_training.programs.parameters:main",
            "sdm-benchmark = sdm_training.programs.benchmark:main",
            "sdm-failures = sdm_training.programs.failures:main",
            "sdm-recheck = sdm_training.programs.recheck:main",
            "sdm-report = sdm_training.programs.report:main",
            "sdm-zoo = sdm_training.programs.zoo:main",
        ],
        "sdm.backends": ["torch = sdm_training.export.torch_backend:TorchBackend"],
    },
)
