# make lab      set up, then open JupyterLab on lesson 1
# make test     set up, then run every test, every notebook included
# make lessons  set up, then build the ten notebooks from lessons/source (LESSON=03 for one)

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LESSON ?=
REPOSITORY ?=

# JupyterLab refuses to run as root unless told so; in a container one is root.
ROOT := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)
# JupyterLab asks its makers for updates and news unless these settings say no: the course uses no
# network.
LAB_SETTINGS := $(VENV)/share/jupyter/lab/settings
NO_NEWS := {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}
# Without a browser JupyterLab prints the address to open elsewhere.
BROWSER_FLAG = $(shell $(BIN)/python -c "import webbrowser; webbrowser.get()" 2>/dev/null || echo --no-browser)

.PHONY: lab test lessons quiz-test studies publish doctor clean

lab: $(READY)
	$(BIN)/jupyter lab $(ROOT) $(BROWSER_FLAG) --LabApp.default_url=/lab/tree/lessons/01_introduction.ipynb

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check course_lib tests studies conftest.py lessons/build.py lessons/lint.py
	$(BIN)/python lessons/build.py --check
	$(BIN)/python lessons/lint.py
	$(BIN)/pytest --nbval

lessons: $(READY)
	$(BIN)/python lessons/build.py $(LESSON)

# The browser tests of the quizzes need Chromium and, to be tried there too, Notebook 7 and 6;
# everything else of them runs in `make test`.
quiz-test: $(READY)
	$(BIN)/python -m pip install --quiet notebook nbclassic
	command -v chromium >/dev/null || (apt-get update && apt-get install -y chromium fonts-noto-cjk)
	$(BIN)/pytest tests/browser tests/test_quiz_*.py course_lib/quiz

# 77: the study needs photos that the course does not ship; it says which.
studies: $(READY)
	for study in studies/*.py; do \
	  echo "== $$study"; $(BIN)/python $$study || [ $$? -eq 77 ] || exit 1; done

doctor: $(READY)
	$(BIN)/python -m course_lib doctor

# For whoever publishes a copy: make publish REPOSITORY=owner/name writes the address, the
# "open in Colab" badges and the set-up cells.
publish: $(READY)
	$(BIN)/python lessons/build.py --publish $(REPOSITORY)

clean:
	rm -rf $(VENV) work .pytest_cache .ruff_cache *.egg-info

# Made anew when the list of packages changes, and only then.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	  (echo "The course needs Python 3.11 or newer; call: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1)
	@echo "Setting up in $(VENV): about 3 minutes and 7 GB, once."
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@mkdir -p $(LAB_SETTINGS) && echo '$(NO_NEWS)' > $(LAB_SETTINGS)/overrides.json
	@touch $(READY)
