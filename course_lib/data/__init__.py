"""Index any folder of photos, and read one photo the same way for everybody (lesson 2).

`walk` finds the files, `layout` tells classes from masks and splits, `table` reads index.csv, `index` joins
them; `labels` knows which class is the defect; `damage` and `photo` read one photo or say why not;
`solar_cells` holds the photos of the course.
"""

from course_lib.data.damage import sniff
from course_lib.data.index import complete, index_folder, photo_folder, photo_path
from course_lib.data.labels import (
    class_names,
    good_class,
    label_numbers,
    label_probabilities,
    positive_class,
    same_name,
)
from course_lib.data.layout import Layout, is_split_name, look_through
from course_lib.data.photo import (
    FORMAT_OF_ENDING,
    UNREADABLE,
    Unreadable,
    bits_for,
    eight_bit,
    explained,
    load_photo,
    note,
    open_photo,
    orientation,
    other_than_photo,
    read_file,
    read_image,
    read_pixels,
    to_pixels,
    upright,
)
from course_lib.data.solar_cells import credits, everyday_photos, solar_cells
from course_lib.data.table import find_table, match_photos, read_table
from course_lib.data.walk import Walk, walk
