"""Index any folder of photos, and read one photo the same way for everybody (lesson 2)."""

from course_lib.data.index import (
    IMAGE_ENDINGS,
    class_folders,
    class_names,
    clean_paths,
    complete,
    credits,
    everyday_photos,
    index_folder,
    is_hidden,
    label_numbers,
    label_probabilities,
    photo_path,
    read_image,
    read_pixels,
    same_letters,
    solar_cells,
)

__all__ = [
    "IMAGE_ENDINGS",
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
    "read_image",
    "read_pixels",
    "same_letters",
    "solar_cells",
]
