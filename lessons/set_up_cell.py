import sys

if "google.colab" in sys.modules:  # in Colab: fetch the course, add only what is missing there
    import os
    import subprocess

    if not os.path.isdir("../course_lib"):
        if not os.path.isdir("course"):
            subprocess.run(["git", "clone", "--depth", "1", "{{address}}", "course"], check=True)
        os.chdir("course/lessons")
    subprocess.run([sys.executable, "../course_lib/commands/install.py"], check=True)
    sys.path.insert(0, os.path.abspath(".."))
from course_lib.lesson import start

start(0)
