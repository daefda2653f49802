"""Index any folder of photos, and read one photo the same way for everybody (lesson 2).

`walk` finds the files, `index` makes the table, `labels` knows which class is the defect, `photo` reads
one photo, `solar_cells` holds the photos of the course.
"""

from course_lib.data.damage import fault_in, is_picture, sniff
from course_lib.data.index import class_folders, clean_paths, complete, index_folder, photo_path, same_letters
from course_lib.data.labels import class_names, label_numbers, label_probabilities, positive_class, same_name, words_of
from course_lib.data.photo import (
    FORMAT_OF_ENDING,
    IMAGE_ENDINGS,
    LARGEST_FILE,
    RAW_ENDINGS,
    UNREADABLE,
    Unreadable,
    eight_bit,
    explained,
    load_photo,
    open_photo,
    orientation,
    read_file,
    read_image,
    read_pixels,
    upright,
)
from course_lib.data.solar_cells import credits, everyday_photos, solar_cells
from course_lib.data.walk import Walk, is_hidden, walk

__all__ = [
    "FORMAT_OF_ENDING",
    "IMAGE_ENDINGS",
    "LARGEST_FILE",
    "RAW_ENDINGS",
    "UNREADABLE",
    "Unreadable",
    "Walk",
    "class_folders",
    "class_names",
    "clean_paths",
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
    "open_photo",
    "orientation",
    "photo_path",
    "positive_class",
    "read_file",
    "read_image",
    "read_pixels",
    "same_letters",
    "same_name",
    "sniff",
    "solar_cells",
    "upright",
    "walk",
    "words_of",
]
