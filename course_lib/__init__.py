"""What the lessons of the visual inspection course have already explained.

Importing the package costs next to nothing: a module is loaded when a lesson imports it.
"""

import os
import sys

# Whoever opens the folder without installing it may have any Python, so this file must be understood
# by Python 3.6. It is read before any other of the package.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        f"Python {sys.version_info[0]}.{sys.version_info[1]} is too old; install Python 3.11 or newer, and "
        "set the course up with that one (with make: make lab PYTHON=python3.13)."
    )

# Threads that wait spin for a while; beside a second training they spin away what that one needs. With this number
# (GNU's OpenMP, so Linux; not tried elsewhere) two trainings at once take half the time, and one alone no more:
# studies/two_at_once.py. It counts only before torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# Albumentations would ask a server for its newest version at each import; the course asks nobody.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
