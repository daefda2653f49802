"""Photos and folders that cannot, or should not, be used (lesson 2)."""

from course_lib.checks.duplicates import connected, near_duplicates, signatures
from course_lib.checks.files import NO_PICTURE, FileReport, look_at, no_picture, thumbnail_of
from course_lib.checks.folder import ACTIONS, check_folder, contact_sheet, look_at_all
from course_lib.checks.parts import find_parts, photographed_twice
from course_lib.checks.planted_faults import make_messy_folder, messy_answers, score_hunt
from course_lib.checks.set_aside import quarantine, undo_quarantine
from course_lib.checks.together import FOLDER
from course_lib.data import UNREADABLE
