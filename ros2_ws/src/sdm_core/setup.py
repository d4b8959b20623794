from setuptools import find_packages, setup

name = "sdm_core"

setup(
    name=name,
    version="0.1.0",
    description="Contracts, perception, policy runtime and command gate of one-step visuomotor policies.",
    license="Apache-2.0",
    packages=find_packages(include=[name, f"{name}.*"]),
    package_data={name: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{name}"]),
        (f"share/{name}", ["package.xml"]),
    ],
    python_requires=">=3.10",
    install_requires=[
        "numpy>=1.26",
        "pydantic>=2.7",
        "pyyaml",
        "zarr>=2.18",
        "numcodecs",
        "fpsample>=0.3.3",
        "ruckig>=0.14",
        "openvino>=2024.6",
        "onnxruntime>=1.18",
        "pillow>=10.1",
    ],
    extras_require={
        "lerobot": ["pyarrow>=15"],
    },
    entry_points={
        "sdm.backends": [
            "openvino = sdm_core.backends.openvino:OpenVinoBackend",
            "onnxruntime = sdm_core.backends.onnxruntime:OnnxRuntimeBackend",
        ],
    },
)
