"""Figures for the notebooks, and pages for files; nothing else (lesson 1).

`figures` holds their frame, colours and photos, `closeups` shows a place in a photo, `charts` draws tables and
curves, `pages` writes HTML.
"""

from course_lib.plots.charts import (
    accuracies,
    bars,
    confusion_matrix,
    draw_calibration,
    draw_confusion_matrix,
    draw_precision_recall,
    draw_roc,
    histogram,
    learning_curves,
    lines,
    scatter,
)
from course_lib.plots.closeups import close_ups, numbers
from course_lib.plots.figures import (
    BLUE,
    COLOURS,
    GREY,
    ORANGE,
    draw_photo,
    flow,
    heat_maps,
    new_axis,
    new_figure,
    photo_grid,
    photo_png,
    png,
    show,
    styles,
)
from course_lib.plots.pages import figure, fold, heading, html, join, page, picture, table
