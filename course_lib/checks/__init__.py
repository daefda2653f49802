"""Photos and folders that cannot, or should not, be used (lesson 2)."""

from course_lib.checks.duplicates import near_duplicates, signatures
from course_lib.checks.files import (
    LARGEST_FILE,
    RAW_ENDINGS,
    fault_in,
    grey,
    is_picture,
    look_at,
    sniff,
    thumbnail_of,
)
from course_lib.checks.folder import (
    ACTIONS,
    UNREADABLE,
    check_folder,
    contact_sheet,
    cores,
    look_at_all,
    quarantine,
    undo_quarantine,
)
from course_lib.checks.planted_faults import make_messy_folder, messy_answers

__all__ = [
    "ACTIONS",
    "LARGEST_FILE",
    "RAW_ENDINGS",
    "UNREADABLE",
    "check_folder",
    "contact_sheet",
    "cores",
    "fault_in",
    "grey",
    "is_picture",
    "look_at",
    "look_at_all",
    "make_messy_folder",
    "messy_answers",
    "near_duplicates",
    "quarantine",
    "signatures",
    "sniff",
    "thumbnail_of",
    "undo_quarantine",
]
