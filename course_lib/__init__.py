"""What the lessons of the visual inspection course have already explained.

Importing the package costs next to nothing: a module is loaded when a lesson imports it.
"""

__version__ = "0.1.0"
