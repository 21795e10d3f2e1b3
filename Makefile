PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test lint docs install clean

demo: $(INSTALLED)  ## distill digits to 1 and 2 samples a class, measure both, show the table
	$(BIN)/hf-distill distill --config configs/dm_digits_ipc1.yaml --resume=true --evaluate=true
	$(BIN)/hf-distill distill --config configs/dm_digits.yaml --resume=true --evaluate=true
	$(BIN)/hf-distill show outputs/dm_digits_ipc1 outputs/dm_digits

test: $(INSTALLED)  ## run the tests; make test ARGS="-m slow" runs the slow ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(INSTALLED)  ## build the documentation into build/site; a link that leads nowhere is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,docs]"
	touch $@

clean:
	rm -rf .venv outputs build *.egg-info
