"""Index any folder of photos, and read one photo the same way for everybody (lesson 2).

`walk` finds the files, `index` makes the table, `labels` knows which class is the defect, `photo` reads
one photo, `solar_cells` holds the photos of the course.
"""

from course_lib.data.damage import fault_in, is_picture, sniff
from course_lib.data.index import complete, index_folder, photo_path
from course_lib.data.labels import class_names, label_numbers, label_probabilities, positive_class, same_name
from course_lib.data.layout import Layout, look_through
from course_lib.data.photo import (
    FORMAT_OF_ENDING,
    IMAGE_ENDINGS,
    LARGEST_FILE,
    RAW_ENDINGS,
    UNREADABLE,
    Unreadable,
    bits_for,
    eight_bit,
    explained,
    load_photo,
    open_photo,
    orientation,
    read_file,
    read_image,
    read_pixels,
    to_pixels,
    upright,
)
from course_lib.data.solar_cells import credits, everyday_photos, solar_cells
from course_lib.data.table import match_photos, read_table, tidy_table
from course_lib.data.walk import Walk, is_hidden, walk

__all__ = [
    "FORMAT_OF_ENDING",
    "IMAGE_ENDINGS",
    "LARGEST_FILE",
    "RAW_ENDINGS",
    "UNREADABLE",
    "Layout",
    "Unreadable",
    "Walk",
    "bits_for",
    "class_names",
    "complete",
    "credits",
    "eight_bit",
    "everyday_photos",
    "explained",
    "fault_in",
    "index_folder",
    "is_hidden",
    "is_picture",
    "label_numbers",
    "label_probabilities",
    "load_photo",
    "look_through",
    "match_photos",
    "open_photo",
    "orientation",
    "photo_path",
    "positive_class",
    "read_file",
    "read_image",
    "read_pixels",
    "read_table",
    "same_name",
    "sniff",
    "solar_cells",
    "tidy_table",
    "to_pixels",
    "upright",
    "walk",
]
