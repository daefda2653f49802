"""Index any folder of photos, and read one photo the same way for everybody (lesson 2).

`walk` finds the files, `index` makes the table, `labels` knows which class is the defect, `photo` reads
one photo, `solar_cells` holds the photos of the course.
"""

from course_lib.data.index import class_folders, clean_paths, complete, index_folder, photo_path, same_letters
from course_lib.data.labels import class_names, label_numbers, label_probabilities, positive_class, same_name, words_of
from course_lib.data.photo import IMAGE_ENDINGS, read_image, read_pixels
from course_lib.data.solar_cells import credits, everyday_photos, solar_cells
from course_lib.data.walk import Walk, is_hidden, walk

__all__ = [
    "IMAGE_ENDINGS",
    "Walk",
    "class_folders",
    "class_names",
    "clean_paths",
    "complete",
    "credits",
    "everyday_photos",
    "index_folder",
    "is_hidden",
    "label_numbers",
    "label_probabilities",
    "photo_path",
    "positive_class",
    "read_image",
    "read_pixels",
    "same_letters",
    "same_name",
    "solar_cells",
    "walk",
    "words_of",
]
