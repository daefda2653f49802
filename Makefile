# make lab      set up, then open JupyterLab on lesson 1
# make test     set up with what only maintainers need, then run every test, every notebook included
# make quick    lint, types and the tests that take under a second, for every save
# make lessons  set up, then build the notebooks from their sources (LESSON=03 for one)

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Two states of the environment: a learner's list is installed, or also what only maintainers need.
READY := $(VENV)/.ready
READY_TO_TEST := $(VENV)/.ready-to-test
LESSON ?=
REPOSITORY ?=
PIP ?=

# JupyterLab refuses to run as root unless told so; in a container one is root.
ROOT := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)
# JupyterLab asks its makers for updates and news unless these settings say no: the course uses no
# network.
LAB_SETTINGS := $(VENV)/share/jupyter/lab/settings
NO_NEWS := {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}
# Without a browser JupyterLab prints the address to open elsewhere.
BROWSER_FLAG = $(shell $(BIN)/python -c "import webbrowser; webbrowser.get()" 2>/dev/null || echo --no-browser)

.PHONY: lab test quick lint elsewhere faults lessons solved quiz-test studies bundle colab lock publish doctor clean

lab: $(READY)
	$(BIN)/jupyter lab $(ROOT) $(BROWSER_FLAG) --LabApp.default_url=/lab/tree/lessons/01_introduction.ipynb

# The tests of the library share the cores, one thread each; browser and notebooks have them to themselves.
test: $(READY_TO_TEST) lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --ignore tests/browser course_lib tests
	$(BIN)/pytest --nbval tests/browser lessons quizzes

# For every save: no notebook runs, no test that takes over a second.
quick: $(READY_TO_TEST) lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" -n 2 --ignore tests/browser course_lib tests

lint: $(READY_TO_TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check course_lib tests studies tools setup.py conftest.py
	$(BIN)/mypy
	$(BIN)/python tools/build.py --check
	$(BIN)/python tools/lint.py

lessons: $(READY_TO_TEST)
	$(BIN)/python tools/build.py $(LESSON)

# Each lesson with all its tasks solved: no other output may change (LESSON=02 for one).
solved: $(READY_TO_TEST)
	$(BIN)/python tools/solved.py $(LESSON)

# The browser tests of the quizzes need Chromium and, to be tried there too, Notebook 7 and 6;
# everything else of them runs in `make test`.
quiz-test: $(READY_TO_TEST)
	$(BIN)/python -m pip install --quiet notebook nbclassic
	command -v chromium >/dev/null || (apt-get update && apt-get install -y chromium fonts-noto-cjk)
	$(BIN)/pytest tests/browser tests/test_quiz_*.py tests/quiz course_lib/quiz

# 77: the study needs photos that the course does not ship; it says which.
studies: $(READY)
	for study in studies/*.py; do \
	  echo "== $$study"; $(BIN)/python $$study || [ $$? -eq 77 ] || exit 1; done

# For a classroom without internet: the course and all packages in bundle/, for this system. Without what only
# Nvidia cards need: make bundle PIP="--extra-index-url https://download.pytorch.org/whl/cpu"
bundle: $(READY)
	$(BIN)/python tools/bundle.py --zip -- $(PIP)

# Would the set-up cell and the widgets work in Colab? Asks the package registry. With the list that
# `pip freeze` gives in Colab: make colab FREEZE=pip_freeze.txt
colab: $(READY_TO_TEST)
	$(BIN)/python tools/try_colab.py $(FREEZE)

# The versions installed here become the known good ones: only after `make test` has passed.
lock: $(READY)
	$(BIN)/python tools/lock.py

doctor: $(READY)
	$(BIN)/python -m course_lib doctor

# The lessons that train a network, as if on another machine; some also with other photos.
elsewhere: $(READY_TO_TEST)
	$(BIN)/python tools/elsewhere.py $(LESSON)
	$(BIN)/python tools/other_photos.py $(LESSON)

# The same lessons with planted faults, each of which must be noticed.
faults: $(READY_TO_TEST)
	$(BIN)/python tools/elsewhere.py --fault

# For whoever publishes a copy: make publish REPOSITORY=owner/name writes the address, the
# "open in Colab" badges and the set-up cells.
publish: $(READY_TO_TEST)
	$(BIN)/python tools/build.py --publish $(REPOSITORY)

# The learner's answers and memo in work/quiz stay: nothing could make them again.
clean:
	[ ! -d work ] || find work -mindepth 1 -maxdepth 1 ! -name quiz -exec rm -rf {} +
	rm -rf $(VENV) build .pytest_cache .ruff_cache *.egg-info

# Made anew when the list of packages changes, and only then. A set-up that was stopped goes on.
$(READY): requirements.txt pyproject.toml setup.py
	@$(PYTHON) -c "" || { \
	  echo "There is no $(PYTHON); install Python 3.11 or newer, or name yours: make $(MAKECMDGOALS) PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -m course_lib install --venv $(VENV)
	@mkdir -p $(LAB_SETTINGS) && echo '$(NO_NEWS)' > $(LAB_SETTINGS)/overrides.json
	@touch $(READY)

$(READY_TO_TEST): requirements-dev.txt $(READY)
	@$(PYTHON) -m course_lib install --venv $(VENV) --dev
	@touch $(READY_TO_TEST)
