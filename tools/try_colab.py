"""Try on this machine what Colab would do (`make colab`): set the course up, show quiz and widgets.

    python tools/try_colab.py                       with the versions in tools/colab_image.txt
    python tools/try_colab.py pip_freeze.txt        with the whole list that `pip freeze` gives in Colab

First pip resolves the learner's list, by the command that the set-up cell calls, in an environment that
claims to have the packages of the list; nothing is installed. Then quiz and widgets run in a kernel with
the Jupyter of the list; all other packages are those of the environment that calls this.
It asks the package registry, so `make test` does without it; `tests/test_colab.py` compares the lists there.
"""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from packaging.utils import canonicalize_name, parse_wheel_filename

TOOLS = Path(__file__).resolve().parent
PROJECT = TOOLS.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]
IMAGE = TOOLS / "colab_image.txt"
PYTHON = "python3.13"  # Colab's; where there is none, this one
JUPYTER = (
    "ipython", "ipykernel", "ipywidgets", "widgetsnbextension", "jupyterlab-widgets", "jupyter-client",
    "traitlets", "tornado", "pyzmq", "anywidget",
)  # fmt: skip
# What a learner meets, and the messages that the page would send.
CELLS = {
    "the quiz": """
import sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
from course_lib import quiz
view = quiz.show(1)
view._receive(view, {"kind": "hello"}, [])
view""",
    "the filter": """
import numpy as np
from course_lib.widgets import FilterWidget
photo = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
view = FilterWidget(photo)
view.set_state({"name": "your own", "kernel": [2, 0, 0, 0, 0, 0, 0, 0, 0]})
assert "your own" in repr(view)
view""",
    "the slider": """
from course_lib.widgets import cost_slider
cost_slider(np.array([1, 0]), np.array([0.4, 0.1]))""",
    "the playground": """
from course_lib.widgets import AugmentationPlayground
view = AugmentationPlayground(photo, name="noise")
before = dict(view.shown)
view.set_state({"strength": 1.0})
assert view.shown != before
view""",
}
VERSIONS = "import IPython, ipykernel, ipywidgets\n[m.__version__ for m in (IPython, ipykernel, ipywidgets)]"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def read_freeze(path: Path) -> dict[str, str]:
    """Names and versions of a list that `pip freeze` wrote; a package without a version is left out.

    Raises:
        SystemExit: the file is not there, or it is no such list.
    """
    if not path.is_file():
        sys.exit(f"There is no file {path}; give a list that `pip freeze` wrote in Colab.")
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"([\w.-]+)==(\S+)", line.strip()):
            found[canonicalize_name(match[1])] = match[2]
        elif match := re.search(r" @ \S*/([^/#]+\.whl)(#|$)", line):
            name, version, *_ = parse_wheel_filename(unquote(match[1]))
            found[name] = str(version)
    if not found:
        sys.exit(f"{path} names no package with its version; give a list that `pip freeze` wrote in Colab.")
    return found


def colabs_python() -> str:
    """Colab's Python if this machine has it; a name in the search path alone proves nothing (pyenv)."""
    with suppress(OSError):
        if subprocess.run([PYTHON, "-c", ""], capture_output=True, check=False).returncode == 0:
            return PYTHON
    return sys.executable


def make_environment(folder: Path, python: str, packages: list[str], beside: str = "") -> tuple[str, Path]:
    """An environment with these packages; returns its Python and its site-packages.

    Args:
        beside: site-packages whose contents are seen too, where the environment has none of its own.
    """
    subprocess.run([python, "-m", "venv", folder], check=True)
    own = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.run([own, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip())
    if beside:
        (site / "beside.pth").write_text(beside + "\n", encoding="utf-8")
    subprocess.run([own, "-m", "pip", "install", "--quiet", *packages], check=True)
    return own, site


def try_set_up(folder: Path, image: dict[str, str]) -> str:
    """Let the command of the set-up cell resolve; say what it would add, and that it changes nothing."""
    # Only these two are really there: the command imports one, and the other is what resolves.
    real = [f"{name}=={image[name]}" for name in ("packaging", "pip")]
    python, site = make_environment(folder, colabs_python(), real)
    for name, version in image.items():
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        if name not in ("packaging", "pip"):
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    words = [python, "-m", "course_lib", "install", "--here", "--dry-run"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(words, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    added = re.findall(r"^Would install (.+)$", done.stdout, flags=re.M)
    if done.returncode or not added:
        sys.exit(f"{done.stdout}\nThe set-up does not work with this image.")
    names = {canonicalize_name(item.rsplit("-", 1)[0]) for item in added[0].split()}
    if changed := names & image.keys():
        sys.exit(f"The set-up would replace what Colab has: {', '.join(sorted(changed))}.")
    return f"Set-up: nothing of {len(image)} packages changes; added are {added[0]}."


def try_widgets(folder: Path, image: dict[str, str]) -> str:
    """Show quiz and widgets in a kernel with the Jupyter of the image; each must give its view."""
    from kernel_environment import kernel_environment
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    packages = [f"{name}=={image[name]}" for name in JUPYTER]
    python, _ = make_environment(folder / "environment", sys.executable, packages, sysconfig.get_path("purelib"))
    kernel = folder / "kernels" / "colab"
    kernel.mkdir(parents=True)
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    specification = {"argv": argv, "display_name": "colab", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(specification), encoding="utf-8")
    os.environ["JUPYTER_PATH"] = str(folder)

    notebook = new_notebook(cells=[new_code_cell(source.strip()) for source in [*CELLS.values(), VERSIONS]])
    client = NotebookClient(notebook, kernel_name="colab", timeout=120, store_widget_state=True)
    environment = kernel_environment(folder)
    environment["PYTHONPATH"] = os.pathsep.join([str(PROJECT), environment["PYTHONPATH"]])
    client.execute(env=os.environ | environment)
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    for name, cell in zip(CELLS, notebook.cells, strict=False):
        views = [output.data[WIDGET_VIEW] for output in cell.outputs if WIDGET_VIEW in output.get("data", {})]
        if not views or "_esm" not in states[views[-1]["model_id"]]["state"]:
            sys.exit(f"Of {name} no widget was shown; its cell gave {cell.outputs}.")
    versions = notebook.cells[-1].outputs[-1].data["text/plain"]
    return f"Shown: {', '.join(CELLS)}; IPython, ipykernel, ipywidgets: {versions}."


def main(arguments: list[str]) -> None:
    """Try both, and print one line for each."""
    image = read_freeze(Path(arguments[0]) if arguments else IMAGE)
    with tempfile.TemporaryDirectory(prefix="colab-") as folder:
        print(try_set_up(Path(folder) / "image", image), flush=True)
        print(try_widgets(Path(folder), image))


if __name__ == "__main__":
    main(sys.argv[1:])
