# The same scripts that CI and the README use. `make` alone prints this list.
.DEFAULT_GOAL := help
.PHONY: help setup test lint format demo horovod data wheel

help: ## print this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## make .venv for development
	scripts/setup.sh dev

test: ## run everything that a change must pass, as CI does
	scripts/test.sh

lint: ## the checks of scripts/test.sh without the tests
	scripts/lint.sh

format: ## format the Python code
	scripts/setup.sh test
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

demo: ## search the template archive with two workers
	commands/automl.sh --set run_id=a workers=0:1

horovod: ## build Horovod for the torch in .venv (several minutes, once)
	scripts/install_horovod.sh

data: ## make the template archive's data again from their source
	scripts/setup.sh
	.venv/bin/python scripts/make_template_data.py

wheel: ## build the wheel into dist/
	scripts/setup.sh dev
	.venv/bin/python -m build --wheel
