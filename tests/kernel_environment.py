"""The surroundings of a kernel that builds or tests a lesson: no network, no old files.

`tools/build.py` and `conftest.py` both use it, so a notebook is tested as it was built.
"""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
NO_NETWORK = HERE / "no_network"
# As if on another machine, or with a planted fault: see tests/disturbed_kernel/disturb.py.
DISTURBANCE = "COURSE_DISTURBANCE"
START_UP = """import sys
sys.path.insert(0, {folder!r})
import disturb
disturb.disturb({names!r})
del sys, disturb
"""


def kernel_environment(folder: Path) -> dict[str, str]:
    """The variables of a kernel whose files go below ``folder``, with the network blocked.

    ``COURSE_WORK`` is a fresh folder, which the lessons of one run share: lesson 8 loads what
    lesson 7 trained. ``COURSE_FIXED_ORDER`` keeps the quiz from shuffling. The user's own
    IPython settings are left out, because they could change what a cell prints.
    """
    work, ipython = folder / "work", folder / "ipython"
    for subfolder in (work, ipython):
        subfolder.mkdir(parents=True, exist_ok=True)
    if names := os.environ.get(DISTURBANCE):
        start_up = ipython / "profile_default" / "startup"
        start_up.mkdir(parents=True)
        text = START_UP.format(folder=str(HERE / "disturbed_kernel"), names=names)
        (start_up / "disturb.py").write_text(text, encoding="utf-8")
    # Python looks for a module called sitecustomize on this path before anything else runs,
    # also in processes that the kernel starts.
    python_path = [str(NO_NETWORK), os.environ.get("PYTHONPATH", "")]
    return {
        "COURSE_WORK": str(work),
        "COURSE_FIXED_ORDER": "1",
        "IPYTHONDIR": str(ipython),
        "PYTHONPATH": os.pathsep.join(path for path in python_path if path),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "localhost,127.0.0.1",
    }
