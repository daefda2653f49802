"""Which folders the package consists of; all the rest stands in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["course_lib*"]), "course_lib.quiz.banks"],
    # The questions stay where whoever writes them looks for them; an installed package has a copy.
    package_dir={"course_lib.quiz.banks": "quizzes"},
)
