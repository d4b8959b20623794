# Two commands matter: `make demo` and `make test`. Everything lives in .venv; delete it to start afresh.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --use-pep517 -c constraints.txt
SHARE  := $(VENV)/share

# One thread a process: two busy thread pools on two cores are slower than one.
export OMP_NUM_THREADS ?= 1
export LP_NUM_THREADS  ?= 1

# Everything here runs in .venv, on the embedded runtime: a ROS 2 that the terminal has sourced has neither its packages
# nor sdm_interfaces. docs/tutorials/real_ros2.md is the way to run on that one.
unexport PYTHONPATH AMENT_PREFIX_PATH ROS_DISTRO

RUNTIME := ros2_ws/src/sdm_core ros2_ws/src/sdm_policy_node ros2_ws/src/sdm_cockpit sim embedded_ros
LINKED  := sdm_bringup sdm_interfaces

.PHONY: help demo venv dev robomimic test test-slow check format pictures clean

help:
	@echo "make demo        the policy on the ROS graph, in simulation (no torch needed)"
	@echo "make test        all tests but the long ones    make test-slow   the long ones"
	@echo "make check       ruff and pyright               make format      ruff's formatter"
	@echo "make dev         training and test dependencies, for sdm-train, sdm-distill, …"
	@echo "make pictures    the documentation's pictures of the cockpit, taken of its pages"
	@echo "make robomimic   what the tasks robomimic/… need (0.6 GB), their tests too"

demo: venv
	@$(BIN)/sdm-demo

venv: $(VENV)/.runtime
dev: $(VENV)/.dev

# pip is what a virtual environment gets last: where it is, the environment is whole.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	    echo "$(PYTHON) is not Python 3.11–3.13: install one and name it, as in 'make PYTHON=python3.11 demo'" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
	    echo "$(PYTHON) cannot make a virtual environment: run 'sudo apt install python3-venv', then make again" >&2; exit 1; }

$(VENV)/.runtime: constraints.txt $(wildcard $(RUNTIME:=/setup.py)) tools/system_packages.sh | $(BIN)/pip
	@echo "Setting up $(VENV) (a few minutes, once) …"
	@sh tools/system_packages.sh runtime
	@$(PIP) setuptools
	@$(PIP) $(addprefix -e ,$(RUNTIME))
	@mkdir -p $(SHARE)/ament_index/resource_index/packages
	@for package in $(LINKED); do \
	    ln -sfn "$(CURDIR)/ros2_ws/src/$$package" $(SHARE)/$$package; \
	    touch $(SHARE)/ament_index/resource_index/packages/$$package; done
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime ros2_ws/src/sdm_training/setup.py pyproject.toml
	@sh tools/system_packages.sh tests
	@$(PIP) -e "ros2_ws/src/sdm_training[test]"
	@touch $@

# robosuite names mink, which it needs for no robot of ours and which refuses numpy 2: it comes without dependencies.
robomimic: dev
	@$(PIP) h5py numba opencv-python termcolor
	@$(PIP) --no-deps robosuite==1.5.2

# A file's tests stay in one process: they share what is dear to make.
test: dev
	@$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile --durations 20

test-slow: dev
	@$(BIN)/python -m pytest -m slow

check: dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python -m embedded_ros.interfaces.stubs typings >/dev/null
	@$(BIN)/pyright

format: dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# The documentation's pictures of the cockpit, of its real pages.
pictures: dev
	@$(BIN)/python tools/cockpit_pictures.py

clean:
	rm -rf $(VENV) outputs
