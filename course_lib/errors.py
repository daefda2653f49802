"""Errors that speak to the learner: one sentence, no wall of traceback (lesson 1)."""


class CourseError(Exception):
    """What is wrong, with which file or value, and what to do, in one sentence.

    A notebook shows the sentence alone: IPython asks an exception for
    ``_render_traceback_`` before it prints the frames that led there.

    Example:
        >>> raise CourseError("There is no folder 'phots'; check the spelling.")
        Traceback (most recent call last):
        course_lib.errors.CourseError: There is no folder 'phots'; check the spelling.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class Interrupted(CourseError):
    """The work was stopped, and nothing is wrong: the sentence says how to go on."""
