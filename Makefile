# Two commands matter: `make demo` and `make test`. Everything lives in .venv; delete it to start afresh.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --use-pep517 -c constraints.txt
SHARE  := $(VENV)/share

# One thread a process: two busy thread pools on two cores are slower than one.
export OMP_NUM_THREADS ?= 1
export LP_NUM_THREADS  ?= 1

RUNTIME := ros2_ws/src/sdm_core ros2_ws/src/sdm_policy_node sim embedded_ros
LINKED  := sdm_bringup sdm_interfaces

.PHONY: help demo venv dev test test-slow check format clean

help:
	@echo "make demo        the policy on the ROS graph, in simulation (no torch needed)"
	@echo "make test        all tests but the long ones    make test-slow   the long ones"
	@echo "make check       ruff and pyright               make format      ruff's formatter"
	@echo "make dev         training and test dependencies, for sdm-train, sdm-distill, …"

demo: venv
	@$(BIN)/sdm-demo

venv: $(VENV)/.runtime
dev: $(VENV)/.dev

$(VENV)/.runtime: constraints.txt $(wildcard $(RUNTIME:=/setup.py)) tools/system_packages.sh
	@echo "Setting up $(VENV) (a few minutes, once) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@sh tools/system_packages.sh
	@$(PIP) setuptools
	@$(PIP) $(addprefix -e ,$(RUNTIME))
	@mkdir -p $(SHARE)/ament_index/resource_index/packages
	@for package in $(LINKED); do \
	    ln -sfn "$(CURDIR)/ros2_ws/src/$$package" $(SHARE)/$$package; \
	    touch $(SHARE)/ament_index/resource_index/packages/$$package; done
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime ros2_ws/src/sdm_training/setup.py pyproject.toml
	@$(PIP) -e "ros2_ws/src/sdm_training[test]"
	@touch $@

test: dev
	@$(BIN)/python -m pytest -m "not slow"

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

clean:
	rm -rf $(VENV) outputs
