"""The configurations are one folder of the repository and a folder of the installed package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["hf_distill*"]), "hf_distill.configs", "hf_distill.configs.accelerate"],
    package_dir={"hf_distill.configs": "configs", "hf_distill.configs.accelerate": "configs/accelerate"},
    package_data={
        "hf_distill": ["py.typed", "__init__.pyi", "hub/*.md.jinja"],
        "hf_distill.configs": ["*.yaml"],
        "hf_distill.configs.accelerate": ["*.yaml"],
    },
)
