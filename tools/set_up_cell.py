# @title Set up: run this cell first
import os
import subprocess
import sys
if "google.colab" in sys.modules or "KAGGLE_KERNEL_RUN_TYPE" in os.environ:  # in Colab and Kaggle
    if not os.path.isdir("../course_lib"):  # fetch the release that this notebook belongs to
        fetch = "rm -rf part && git clone -q --depth 1 -b {{tag}} {{address}} part && mv part course-{{tag}}"
        if (done := subprocess.getstatusoutput("test -d course-{{tag}} || { " + fetch + "; }"))[0]:
            sys.exit(done[1] + "\nCure this (in Kaggle: Settings, Internet on), then run this cell again.")
        os.chdir("course-{{tag}}/lessons")
    sys.path.insert(0, os.path.abspath(".."))
    from course_lib.commands import install
    install.add_missing()
from course_lib.lesson import start
start(0)
