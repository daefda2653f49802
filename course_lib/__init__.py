"""What the lessons of the visual inspection course have already explained.

Importing the package costs next to nothing: a module is loaded when a lesson imports it.
"""

import os

__version__ = "0.1.0"

# Albumentations would ask a server for its newest version at each import; the course asks nobody.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
